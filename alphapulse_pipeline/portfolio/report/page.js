// Replaces the inlined SVGs with interactive charts. `ast` makes Vega interpret expressions, because
// the page's policy forbids `eval`.
for (const [name, spec] of Object.entries(JSON.parse(document.getElementById("specs").text))) {
  const element = document.getElementById(name);
  element.replaceChildren();
  vegaEmbed(element, spec, { renderer: "svg", actions: false, ast: true });
}
