"""Lists that come whole."""

from alphapulse_pipeline.exchange.walker import Whole
from alphapulse_pipeline_tests.exchange.walker.proof import feed, walk
from alphapulse_pipeline_tests.exchange.walker.server import ZERO, Server, rows_at


def test_one_page_proves_all() -> None:
    server = Server(rows_at([1, 5, 9]), 10, loses=frozenset({"start", "end"}))
    walked = walk(feed(Whole()), server, ZERO + 2, ZERO + 9)
    assert [row["time"] for page in walked.pages for row in page.rows] == [str(ZERO + 5)]
    assert server.requests == 1
