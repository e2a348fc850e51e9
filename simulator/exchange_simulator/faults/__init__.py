"""Faults between an exchange and its clients, injected on request.

A fault is written `kind[=value][:path][*times][@when]`:

    html                            every answer is an HTML page
    status=503:/v5/position/list    by endpoint: a prefix of the path; without one, all paths
    retcode=10006:/v5/execution*3   at most three times
    reset=body@20%                  by probability, derived from the world's seed and the request's
                                    number, so that a run can be repeated
    throttled=5@10-20               by request: the 10th to the 20th matching request, both
                                    inclusive; `@10` is a single request, `@10-` has no end
    maintenance@30s-60s             by time on the exchange's clock since the faults were set, end
                                    exclusive; `@30s-` has no end
    key=orders@40-                  the key loses a permission at its 40th private request
    empty:/v5/order@10-@50%         several conditions must all hold

Requests are counted per fault since the faults were set: those that match its path (for `key`,
those with an API key), whether or not the fault fires.

Faults that fire on the same request are combined: delays first, then changes to the key and to what
is read, then changes to the rows and fields of the answer. Of the faults that replace the answer or
break its transmission, only the first in the list fires; the others are not counted as fired.

`kinds` lists the faults, `grammar` parses them, `middleware` decides which requests they hit,
`spans` changes what is read, `edits` changes answers and `wire` breaks their transmission. What
depends on the exchange (where its rows are, how it reports maintenance) is part of its
`SimulatedExchange`.
"""

from exchange_simulator.faults.grammar import Fault, parse_fault
from exchange_simulator.faults.kinds import KINDS
from exchange_simulator.faults.middleware import Faults

__all__ = ["KINDS", "Fault", "Faults", "parse_fault"]
