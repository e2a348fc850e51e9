"""What can go wrong between an exchange and its clients, on request.

A fault is written `kind[=value][:path][*times][@when]`:

    html                            every answer is a page of HTML
    status=503:/v5/position/list    by endpoint: paths that begin so; without a path, all
    retcode=10006:/v5/execution*3   it heals when it has struck three times
    reset=body@20%                  by probability; the seed of the world and the number of the
                                    request decide, so that a run can be repeated
    throttled=5@10-20               by schedule: the 10th to the 20th request that it is about,
                                    both included; `@10` is one request, `@10-` has no end
    maintenance@30s-60s             by time, on the exchange's clock since the faults were set, the
                                    end excluded; `@30s-` has no end
    key=orders@40-                  the key loses a permission with its 40th private request
    empty:/v5/order@10-@50%         where there are several conditions, all of them must hold

Requests are counted for each fault by itself: those of its path (of `key`, those with an API key),
since the faults were set, be they struck or not.

Faults that strike the same request add up: delays, then what happens to the key, then what happens
to the rows and fields of the answer. But only one of those that take the answer's place or spoil
its way strikes a request, the first one in the list; the others are not used up by it.

What can be done is in `kinds`, how it is written in `grammar`, who is struck in `front`, what
becomes of an answer in `edits` and of its way in `wire`. What only an exchange can know (where its
rows lie, how it says that it is down) is with its face.
"""

from exchange_simulator.faults.front import Faults
from exchange_simulator.faults.grammar import Fault, parse_fault
from exchange_simulator.faults.kinds import KINDS

__all__ = ["KINDS", "Fault", "Faults", "parse_fault"]
