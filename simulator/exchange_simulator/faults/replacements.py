"""Answers that replace the exchange's."""

from starlette.responses import HTMLResponse, Response

from exchange_simulator.faults.grammar import Fault
from exchange_simulator.simulated_exchange import SimulatedExchange

PAGE = "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center></body></html>"


def replacement(fault: Fault, exchange: SimulatedExchange, now: int) -> Response:
    """`now`: the exchange's time in milliseconds."""
    match fault.kind:
        case "html":
            return HTMLResponse(PAGE.format("Just a moment..."))
        case "empty-body":
            return Response(b"", media_type="application/json")
        case "status":
            return HTMLResponse(PAGE.format(fault.value), int(fault.value))
        case "retcode":
            return exchange.refusal(int(fault.value), now)
        case "throttled":
            response = exchange.outages.throttled(now, int(fault.value or 0))
            if fault.value:
                response.headers["Retry-After"] = fault.value
            return response
        case "banned":
            return exchange.outages.banned(now, int(fault.value))
        case "busy":
            return exchange.outages.busy(now, 0)
        case "maintenance":
            return exchange.outages.maintenance(now, 0)
        case _:
            raise AssertionError(f"no replacement for fault {fault.text}")
