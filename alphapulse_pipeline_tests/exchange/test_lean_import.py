"""Only one exchange of ccxt is imported; the fallback imports all, with the same error classes."""

import subprocess
import sys
import textwrap


def python(code: str) -> str:
    """The output of a fresh interpreter, in which ccxt has not been imported."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_other_exchanges_are_not_imported() -> None:
    printed = python("""
        import sys
        from alphapulse_pipeline.exchange.lean_import import exchange_class
        print(exchange_class("bybit").__name__, "ccxt.async_support.kraken" in sys.modules)
    """)
    assert printed == "bybit False"


def test_the_full_import_is_the_fallback() -> None:
    printed = python("""
        import sys
        from alphapulse_pipeline.exchange import lean_import
        from alphapulse_pipeline.exchange.errors import Kind, kind_of
        lean_import._BASE_MODULES = ()   # a stand-in that finds nothing, as after an upgrade
        found = lean_import.exchange_class("bybit")
        import ccxt
        same = kind_of(ccxt.AuthenticationError("x")) is Kind.CREDENTIALS
        raises = issubclass(found.__mro__[-1], object) and found().exceptions["exact"]["10003"]
        print(type(ccxt).__name__, ccxt.kraken.__name__, same,
              kind_of(raises("x")) is Kind.CREDENTIALS)
    """)
    assert printed == "module kraken True True"


def test_an_exchange_that_does_not_exist() -> None:
    printed = python("""
        from alphapulse_pipeline.exchange.lean_import import exchange_class
        try:
            exchange_class("nowhere")
        except ImportError as error:
            print("nowhere" in str(error))
    """)
    assert printed == "True"
