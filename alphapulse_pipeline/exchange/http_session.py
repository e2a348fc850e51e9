"""The HTTP session of an exchange's client: no redirects, and answers of a bounded size."""

import aiohttp
from ccxt.base import errors as ccxt

from alphapulse_pipeline.settings.environment import LARGEST_ANSWER, largest_answer


def bounded_response(most: int) -> type[aiohttp.ClientResponse]:
    """Responses whose bodies have `most` bytes at most."""

    class BoundedResponse(aiohttp.ClientResponse):
        async def text(self, encoding: str | None = None, errors: str = "strict") -> str:
            """The body, decompressed, up to the largest size that is accepted.

            Bytes that are not UTF-8 become lone surrogates, which `json_answer` makes visible.
            """
            body = bytearray()
            async for chunk in self.content.iter_any():
                body += chunk
                if len(body) > most:
                    self.close()
                    raise ccxt.BadResponse(
                        f"the answer of {self.url.path} has more than {most // 2**20} MB, the "
                        f"limit in {LARGEST_ANSWER}"
                    )
            return body.decode(encoding or "utf-8", errors="surrogateescape")

    return BoundedResponse


async def _refuse_redirect(
    session: aiohttp.ClientSession,
    context: object,
    redirect: aiohttp.TraceRequestRedirectParams,
) -> None:
    # the next server would receive the key, the signature and the passphrase
    raise ccxt.BadResponse(
        f"{redirect.url.path} redirects to {redirect.response.headers.get('Location', '')[:100]}; "
        "redirects are not followed"
    )


def bounded_session(connector: aiohttp.BaseConnector, *, trust_env: bool) -> aiohttp.ClientSession:
    """A session for one event loop."""
    trace = aiohttp.TraceConfig()
    trace.on_request_redirect.append(_refuse_redirect)
    return aiohttp.ClientSession(
        connector=connector,
        trust_env=trust_env,
        response_class=bounded_response(largest_answer()),
        trace_configs=[trace],
    )
