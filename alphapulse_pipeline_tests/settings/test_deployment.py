"""`parent` and `sub_account` in the files of a deployment."""

import re
from pathlib import Path

import pytest

from alphapulse_pipeline.settings.account_file import write_account
from alphapulse_pipeline.settings.deployment import read_deployment

DESK = {"parent": "fund", "sub_account": "7001"}


def written(folder: Path, **accounts: dict[str, str]) -> None:
    for name, attributes in accounts.items():
        common = {"exchange": "bybit", "history_start": "2026-01-01"}
        write_account(folder, name, {**common, **attributes})


def test_a_sub_account_and_its_master_are_both_loaded(tmp_path: Path) -> None:
    written(tmp_path, fund={}, desk=DESK, by_hand={"parent": "fund"}, too={"parent": "fund"})
    found = read_deployment(tmp_path)
    assert {a.name: a.settings.parent for a in found.accounts if a.name != "fund"} == {
        "desk": "fund",
        "by_hand": "fund",
        "too": "fund",
    }
    assert found.broken == {}


@pytest.mark.parametrize(
    ("accounts", "message"),
    [
        ({"desk": {"parent": "fnud"}}, "no account 'fnud'; did you mean 'fund'?"),
        ({"desk": {"parent": "desk"}}, "no account 'desk'; use one of fund"),
        ({"desk": {"sub_account": "7001"}}, "missing; name the master account, or"),
        ({"desk": DESK, "double": DESK}, "desk is the sub-account 7001 already; remove one"),
        ({"a": DESK, "desk": {"parent": "a"}}, "a is a sub-account itself; use its master"),
        (
            {"desk": {"parent": "fund", "exchange": "okx"}},
            "fund is an account of bybit; use an account of okx",
        ),
    ],
)
def test_a_wrong_parent_is_a_mistake_of_its_file_alone(
    tmp_path: Path, accounts: dict[str, dict[str, str]], message: str
) -> None:
    written(tmp_path, fund={}, **accounts)
    found = read_deployment(tmp_path)
    [(name, error)] = found.broken.items()
    assert re.search(rf"{name}/defs\.yaml:\d: attributes\.parent: {re.escape(message)}", str(error))
    assert "fund" in {account.name for account in found.accounts}


def test_a_mistake_in_the_masters_file_is_not_its_sub_accounts(tmp_path: Path) -> None:
    written(tmp_path, fund={"history_start": "2026-13-01"}, desk=DESK)
    found = read_deployment(tmp_path)
    assert list(found.broken) == ["fund"]
    assert [account.name for account in found.accounts] == ["desk"]
