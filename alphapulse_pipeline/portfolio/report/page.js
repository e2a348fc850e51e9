// The charts come alive; without this script they are drawings. Expressions are interpreted, so
// that the page's policy needs to allow no `eval`.
for (const [name, spec] of Object.entries(JSON.parse(document.getElementById("specs").text))) {
  const place = document.getElementById(name);
  place.replaceChildren();
  vegaEmbed(place, spec, { renderer: "svg", actions: false, ast: true });
}
