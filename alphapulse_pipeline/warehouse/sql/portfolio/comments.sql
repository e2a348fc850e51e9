-- Comments on the tables of the schema portfolio and their columns.

COMMENT ON TABLE portfolio.refreshed IS
'Up to which recording time each table of this schema includes the rows of the histories.';

COMMENT ON COLUMN portfolio.refreshed.covered_until IS
'Up to when the histories had no gap then: those that move balances, or those that prices are '
'taken from.';

COMMENT ON TABLE portfolio.rewritten IS
'Where rows of histories and prices were changed or deleted: what depends on them is recalculated.';
COMMENT ON COLUMN portfolio.rewritten.market IS
'The market of the row, or its asset where it has no market.';
COMMENT ON COLUMN portfolio.rewritten.happened_at IS 'The time of the row before the change.';

COMMENT ON TABLE portfolio.reconciliation IS
'Whether the histories explain each balance, between every two consecutive snapshots.';
COMMENT ON COLUMN portfolio.reconciliation.account IS 'The account.';
COMMENT ON COLUMN portfolio.reconciliation.wallet IS 'The wallet of the balance.';
COMMENT ON COLUMN portfolio.reconciliation.asset IS 'The asset of the balance.';
COMMENT ON COLUMN portfolio.reconciliation.opened_at IS 'The snapshot at the start of the window.';
COMMENT ON COLUMN portfolio.reconciliation.closed_at IS 'The snapshot at the end of the window.';
COMMENT ON COLUMN portfolio.reconciliation.opening IS 'The balance at the start.';
COMMENT ON COLUMN portfolio.reconciliation.fills IS
'Bought less sold, and the realized profit of contracts.';
COMMENT ON COLUMN portfolio.reconciliation.fees IS 'Fees, negative when paid.';
COMMENT ON COLUMN portfolio.reconciliation.transfers IS 'Received less sent.';
COMMENT ON COLUMN portfolio.reconciliation.funding IS 'Funding received less funding paid.';
COMMENT ON COLUMN portfolio.reconciliation.conversions IS 'Received less given in conversions.';
COMMENT ON COLUMN portfolio.reconciliation.other IS
'What only the ledger has: interest, rewards, loans, adjustments.';
COMMENT ON COLUMN portfolio.reconciliation.closing IS 'The balance at the end.';
COMMENT ON COLUMN portfolio.reconciliation.difference IS
'Closing less opening and all movements.';
COMMENT ON COLUMN portfolio.reconciliation.pnl_reported IS
'Whether the exchange reports the realized profit of every fill in the window.';
COMMENT ON COLUMN portfolio.reconciliation.carried IS
'Movements that a snapshot saw early or late, and that cancel out in the next window.';
COMMENT ON COLUMN portfolio.reconciliation.residual IS
'The difference that remains after allowing for the seconds that reading a snapshot takes.';
COMMENT ON COLUMN portfolio.reconciliation.state IS
'reconciled; pending: rows may still arrive; unverifiable: they never will; or break.';
COMMENT ON COLUMN portfolio.reconciliation.reason IS
'Why the state is not reconciled, or why a difference is none.';

COMMENT ON TABLE portfolio.reconciled IS
'Up to which snapshot each account is reconciled.';
COMMENT ON COLUMN portfolio.reconciled.wallets IS 'Every wallet that any snapshot has shown.';

COMMENT ON TABLE portfolio.position_reconciliation IS
'Whether the fills explain each derivatives position, between every two consecutive snapshots in '
'which it changed or was traded. Contracts, long positive.';
COMMENT ON COLUMN portfolio.position_reconciliation.account IS 'The account.';
COMMENT ON COLUMN portfolio.position_reconciliation.market IS 'The market of the position.';
COMMENT ON COLUMN portfolio.position_reconciliation.opened_at IS
'The snapshot at the start of the window.';
COMMENT ON COLUMN portfolio.position_reconciliation.closed_at IS
'The snapshot at the end of the window.';
COMMENT ON COLUMN portfolio.position_reconciliation.opening IS
'The position at the start: long less short.';
COMMENT ON COLUMN portfolio.position_reconciliation.fills IS
'Bought less sold, liquidations, deleveraging and settlements included.';
COMMENT ON COLUMN portfolio.position_reconciliation.closing IS 'The position at the end.';
COMMENT ON COLUMN portfolio.position_reconciliation.difference IS
'Closing less opening and fills.';
COMMENT ON COLUMN portfolio.position_reconciliation.carried IS
'Fills that a snapshot saw early or late, and that cancel out in the next window.';
COMMENT ON COLUMN portfolio.position_reconciliation.residual IS
'The difference that remains after allowing for the seconds that reading a snapshot takes.';
COMMENT ON COLUMN portfolio.position_reconciliation.state IS
'reconciled; pending: fills may still arrive; unverifiable: they never will; or break.';
COMMENT ON COLUMN portfolio.position_reconciliation.reason IS
'Why the state is not reconciled, or why a difference is none.';

COMMENT ON TABLE portfolio.reconciled_positions IS
'Up to which snapshot of positions each account is reconciled.';

COMMENT ON TABLE portfolio.movements_daily IS
'What changed each balance before the first snapshot, added up by day: portfolio.movements has the '
'single movements, of all time.';
COMMENT ON COLUMN portfolio.movements_daily.account IS 'The account.';
COMMENT ON COLUMN portfolio.movements_daily.day IS 'The day, UTC.';
COMMENT ON COLUMN portfolio.movements_daily.wallet IS 'The wallet of the balance.';
COMMENT ON COLUMN portfolio.movements_daily.asset IS 'The asset of the balance.';
COMMENT ON COLUMN portfolio.movements_daily.fills IS
'Bought less sold, and the realized profit of contracts.';
COMMENT ON COLUMN portfolio.movements_daily.fees IS 'Fees, negative when paid.';
COMMENT ON COLUMN portfolio.movements_daily.transfers IS 'Received less sent.';
COMMENT ON COLUMN portfolio.movements_daily.funding IS 'Funding received less funding paid.';
COMMENT ON COLUMN portfolio.movements_daily.conversions IS
'Received less given in conversions.';
COMMENT ON COLUMN portfolio.movements_daily.other IS
'What only the ledger has: interest, rewards, loans, adjustments.';
COMMENT ON COLUMN portfolio.movements_daily.amount IS
'By how much the balance changed: the sum of all parts.';
COMMENT ON COLUMN portfolio.movements_daily.loans IS
'The part of other that was borrowed, less what was repaid.';
COMMENT ON COLUMN portfolio.movements_daily.rise IS
'The most by which the balance rose until the end of the day, from any of its movements on.';
COMMENT ON COLUMN portfolio.movements_daily.rise_at IS
'The movement before which the balance was that low.';
COMMENT ON COLUMN portfolio.movements_daily.missing_fill IS
'A fill that trades or the ledger lack, and which of them.';

COMMENT ON TABLE portfolio.prices IS
'Prices in the reporting currency; its own price is 1 since -infinity.';
COMMENT ON COLUMN portfolio.prices.asset IS 'The asset.';
COMMENT ON COLUMN portfolio.prices.at IS 'From when on this price counts, until the next one.';
COMMENT ON COLUMN portfolio.prices.price IS 'The price of one unit in the reporting currency.';
COMMENT ON COLUMN portfolio.prices.recorded_at IS 'When the row was last written.';
COMMENT ON COLUMN portfolio.prices.path IS
'The markets that lead from the asset to the reporting currency.';
COMMENT ON COLUMN portfolio.prices.evidence_at IS 'The time of the oldest price on the path.';
COMMENT ON COLUMN portfolio.prices.other_price IS
'The price by the source that differs most, if by more than price_tolerance; else NULL.';
COMMENT ON COLUMN portfolio.prices.sources IS
'If there is one: the markets and accounts that price is from, and those of other_price.';

COMMENT ON TABLE portfolio.price_settings IS
'The price_tolerance by which the stored prices were compared.';
COMMENT ON COLUMN portfolio.price_settings.tolerance IS 'In percent.';

COMMENT ON TABLE portfolio.priced IS
'Up to which snapshot of each account''s prices the assets are priced.';
COMMENT ON COLUMN portfolio.priced.captured_at IS 'The snapshot.';

COMMENT ON TABLE portfolio.bridges IS
'The first known price of each stablecoin, which stands in for its price at any earlier time.';

COMMENT ON TABLE portfolio.holdings IS
'What the deployed accounts hold now; the values add up to the total value.';
COMMENT ON COLUMN portfolio.holdings.account IS 'The account.';
COMMENT ON COLUMN portfolio.holdings.wallet IS
'The wallet; blank for positions, which exchanges report without one.';
COMMENT ON COLUMN portfolio.holdings.asset IS
'The asset; for positions, the currency that they settle in.';
COMMENT ON COLUMN portfolio.holdings.kind IS
'balance, debt, unrealized (profit of positions) or option (market value of options).';
COMMENT ON COLUMN portfolio.holdings.amount IS
'The amount; debt is negative. NULL: the exchange does not report it.';
COMMENT ON COLUMN portfolio.holdings.price IS 'The newest price in the reporting currency.';
COMMENT ON COLUMN portfolio.holdings.priced_at IS
'The time of that price; NULL for the reporting currency itself, and without a price.';
COMMENT ON COLUMN portfolio.holdings.value IS 'Amount times price; NULL without a price.';
COMMENT ON COLUMN portfolio.holdings.share IS 'The share of the total value of all accounts.';
COMMENT ON COLUMN portfolio.holdings.captured_at IS 'The snapshot that the amount is from.';

COMMENT ON TABLE portfolio.value IS
'The value of each account at each of its snapshots, and of all accounts together (account '''').';
COMMENT ON COLUMN portfolio.value.account IS 'The account; blank for all accounts together.';
COMMENT ON COLUMN portfolio.value.at IS
'The time of a snapshot of balances; for all accounts together, also of a failed one.';
COMMENT ON COLUMN portfolio.value.value IS
'The value in the reporting currency, without unpriced assets.';
COMMENT ON COLUMN portfolio.value.confidence IS
'0 to 1; below 1 where assets are unpriced, snapshots are old, balances are unexplained, or prices '
'are disputed.';
COMMENT ON COLUMN portfolio.value.carried IS
'The part of the value that is the last value of accounts that have failed since.';
COMMENT ON COLUMN portfolio.value.unexplained IS
'The value of balance changes since the last snapshot that no history explains.';
COMMENT ON COLUMN portfolio.value.disputed IS
'By how much the value would change at the prices of the sources that disagree.';
COMMENT ON COLUMN portfolio.value.uncertainty IS 'The value is known ± this amount.';
COMMENT ON COLUMN portfolio.value.unpriced IS 'The assets that were held and have no price.';
COMMENT ON COLUMN portfolio.value.state IS
'final; provisional: its prices or what is unexplained may still change; carried; or partial: some '
'of what is held is not included.';

COMMENT ON TABLE portfolio.value_daily IS
'The value of each account, and of all together, at the end of every day since history_start, and '
'how much of its change was deposited.';
COMMENT ON COLUMN portfolio.value_daily.account IS 'The account; blank for all accounts together.';
COMMENT ON COLUMN portfolio.value_daily.day IS 'The day, UTC; today is included.';
COMMENT ON COLUMN portfolio.value_daily.value IS
'In the reporting currency, without what has no price: at the end of the day, or by the newest '
'snapshot. Before the first snapshot it lacks the unrealized profit of positions.';
COMMENT ON COLUMN portfolio.value_daily.flows IS
'Deposits less withdrawals of the day, at the prices of its end, and added.';
COMMENT ON COLUMN portfolio.value_daily.added IS
'What an account held when its histories began, on its first day: adding an account is no profit.';
COMMENT ON COLUMN portfolio.value_daily.profit IS
'The change of the value, realized or not, that is not flows.';
COMMENT ON COLUMN portfolio.value_daily.growth IS
'By what factor the value grew, with deposits at the start of the day and withdrawals at its end; '
'NULL if there was nothing to grow. The product over days, less 1, is the time-weighted return.';
COMMENT ON COLUMN portfolio.value_daily.unpriced IS
'The assets that were held or deposited and have no price.';
COMMENT ON COLUMN portfolio.value_daily.state IS
'final; provisional: rows that change it may still arrive; carried: the last snapshot is old; '
'partial: some of it is not known; or broken: the histories contradict the first snapshot.';
COMMENT ON COLUMN portfolio.value_daily.reason IS 'Why it is not final.';

COMMENT ON TABLE portfolio.valued IS
'Up to which snapshots each account is valued, and whether it was deployed then.';

COMMENT ON TABLE portfolio.exposure IS
'Exposure to each asset through balances and positions, by account and in total (account '''').';
COMMENT ON COLUMN portfolio.exposure.account IS 'The account; blank for all accounts together.';
COMMENT ON COLUMN portfolio.exposure.asset IS 'The asset; blank for all assets together.';
COMMENT ON COLUMN portfolio.exposure.net IS
'Units: balances less debts, plus long and minus short positions.';
COMMENT ON COLUMN portfolio.exposure.gross IS
'The same, all added up. Options count in full, as their delta is not known.';
COMMENT ON COLUMN portfolio.exposure.net_value IS 'Net in the reporting currency.';
COMMENT ON COLUMN portfolio.exposure.gross_value IS 'Gross in the reporting currency.';
COMMENT ON COLUMN portfolio.exposure.share IS 'The share of the account''s gross value.';
COMMENT ON COLUMN portfolio.exposure.leverage IS
'Gross value divided by the account''s value; NULL where that is not positive.';
COMMENT ON COLUMN portfolio.exposure.liquidation_distance IS
'The distance of the nearest liquidation price from the mark price, as a share of the latter.';

COMMENT ON TABLE portfolio.lot_settings IS
'The settings that the lots were matched with; when one changes, all lots are rebuilt.';

COMMENT ON TABLE portfolio.lot_accounts IS
'When the history of each account begins, its first snapshots, and its wallets.';
COMMENT ON COLUMN portfolio.lot_accounts.begins_at IS 'The time of the oldest row or snapshot.';
COMMENT ON COLUMN portfolio.lot_accounts.opened_at IS 'The first snapshot of balances.';
COMMENT ON COLUMN portfolio.lot_accounts.positioned_at IS 'The first snapshot of positions.';
COMMENT ON COLUMN portfolio.lot_accounts.seen_at IS 'Up to which snapshot the wallets are known.';
COMMENT ON COLUMN portfolio.lot_accounts.wallets IS 'Every wallet that any snapshot has shown.';

COMMENT ON TABLE portfolio.openings IS
'What was held before the history begins: the first snapshot less the history up to it.';

COMMENT ON TABLE portfolio.own_transfers IS
'What left one own account and arrived in another: its lots keep their cost.';
COMMENT ON COLUMN portfolio.own_transfers.entry IS 'The entry with which it arrived.';
COMMENT ON COLUMN portfolio.own_transfers.wallet IS
'The wallet in which it arrived; blank if that is not known.';
COMMENT ON COLUMN portfolio.own_transfers.from_account IS 'The account that it left.';
COMMENT ON COLUMN portfolio.own_transfers.from_entry IS 'The entry with which it left.';
COMMENT ON COLUMN portfolio.own_transfers.from_wallet IS
'The wallet that it left; blank if that is not known.';
COMMENT ON COLUMN portfolio.own_transfers.amount IS 'The amount that arrived.';

COMMENT ON TABLE portfolio.finality IS
'From when on realized_pnl, lots and cost_basis are not final, and why.';
COMMENT ON COLUMN portfolio.finality.account IS
'The account; blank for all accounts together, and where they share their lots.';
COMMENT ON COLUMN portfolio.finality.asset IS
'The asset, or the market of a position or an option; blank for all of them.';
COMMENT ON COLUMN portfolio.finality.provisional_from IS
'From here on rows may still arrive that change it; the year 1: all of it.';
COMMENT ON COLUMN portfolio.finality.partial_from IS
'From here on some of what it rests on is lost; the year 9999: nothing is.';
COMMENT ON COLUMN portfolio.finality.final_until IS 'Up to here nothing changes any more.';
COMMENT ON COLUMN portfolio.finality.provisional_reason IS 'Why it is provisional then.';
COMMENT ON COLUMN portfolio.finality.partial_reason IS 'Why it is partial then.';
COMMENT ON COLUMN portfolio.finality.last_entry IS 'The newest entry that was matched.';

COMMENT ON TABLE portfolio.matched_sums IS
'The rows of portfolio.cost_basis, which adds their state.';

COMMENT ON COLUMN portfolio.cost_basis.account IS
'The account; blank where all accounts share their lots.';
COMMENT ON COLUMN portfolio.cost_basis.asset IS
'The asset, or the market of a position or an option.';
COMMENT ON COLUMN portfolio.cost_basis.amount IS
'The sum of the open lots; negative where more was sold than was held.';
COMMENT ON COLUMN portfolio.cost_basis.cost IS
'The cost in the reporting currency (of a position: its entry in the settle currency); NULL where '
'any part of it has no price.';

COMMENT ON COLUMN portfolio.cost_basis.state IS
'final; provisional: rows that change it may still arrive; or partial: some of what it rests on is '
'lost or has no price.';
COMMENT ON COLUMN portfolio.cost_basis.reason IS 'Why it is not final.';
COMMENT ON COLUMN portfolio.cost_basis.final_until IS
'Up to when the histories behind it are read.';

COMMENT ON TABLE portfolio.matched_lots IS
'The rows of portfolio.lots, which adds their state.';

COMMENT ON COLUMN portfolio.lots.account IS
'The account; blank where all accounts share their lots.';
COMMENT ON COLUMN portfolio.lots.asset IS 'The asset, or the market of a position (in contracts).';
COMMENT ON COLUMN portfolio.lots.lot_id IS 'A number, in the order in which the lots were opened.';
COMMENT ON COLUMN portfolio.lots.acquired_at IS 'When it was acquired, in any own account.';
COMMENT ON COLUMN portfolio.lots.entered_at IS 'When it arrived in this account.';
COMMENT ON COLUMN portfolio.lots.amount IS
'The amount; negative where it was sold without being held.';
COMMENT ON COLUMN portfolio.lots.remaining IS 'How much of the amount is left.';
COMMENT ON COLUMN portfolio.lots.cost IS
'The cost of the amount including fees, in the reporting currency (of a position: its entry in the '
'settle currency); NULL without a price.';
COMMENT ON COLUMN portfolio.lots.remaining_cost IS
'The cost of what is left; NULL with average costs, which cost_basis has.';
COMMENT ON COLUMN portfolio.lots.source IS
'How it was acquired: trade, deposit, transfer, opening, income, ...';
COMMENT ON COLUMN portfolio.lots.opened_by IS
'The entry that acquired it; of a position, the entry that opened it.';
COMMENT ON COLUMN portfolio.lots.place IS 'Its place in the queue: the least is sold first.';

COMMENT ON COLUMN portfolio.lots.state IS
'final; provisional: rows that change it may still arrive; or partial: some of what it rests on is '
'lost or has no price.';
COMMENT ON COLUMN portfolio.lots.reason IS 'Why it is not final.';

COMMENT ON TABLE portfolio.matched_lines IS
'The rows of portfolio.realized_pnl, which adds their state.';

COMMENT ON COLUMN portfolio.realized_pnl.account IS
'The account; blank where all accounts share their lots.';
COMMENT ON COLUMN portfolio.realized_pnl.asset IS
'The asset, or the market of a position or an option.';
COMMENT ON COLUMN portfolio.realized_pnl.line_id IS
'A number, in the order in which the lines were written.';
COMMENT ON COLUMN portfolio.realized_pnl.kind IS
'trade, liquidation, adl, settlement or adjustment; fee, funding, income or expense; payment: what '
'was given for one of those; withdrawal or transfer, which realize nothing.';
COMMENT ON COLUMN portfolio.realized_pnl.realized_at IS 'When it was realized.';
COMMENT ON COLUMN portfolio.realized_pnl.amount IS
'The amount of the lot that was closed; negative for what had been sold without being held.';
COMMENT ON COLUMN portfolio.realized_pnl.proceeds IS 'What it brought in; NULL without a price.';
COMMENT ON COLUMN portfolio.realized_pnl.cost IS 'What it had cost; NULL without a price.';
COMMENT ON COLUMN portfolio.realized_pnl.pnl IS 'Proceeds less cost.';
COMMENT ON COLUMN portfolio.realized_pnl.acquired_at IS 'When the lot was acquired.';
COMMENT ON COLUMN portfolio.realized_pnl.opened_by IS 'The entry that opened the lot.';
COMMENT ON COLUMN portfolio.realized_pnl.closed_by IS 'The entry that closed it.';
COMMENT ON COLUMN portfolio.realized_pnl.lot_id IS 'The lot.';
COMMENT ON COLUMN portfolio.realized_pnl.basis IS
'The part of the cost in cost_basis that was closed with it.';
COMMENT ON COLUMN portfolio.realized_pnl.state IS
'final; provisional: rows that change it may still arrive; or partial: some of what it rests on is '
'lost or has no price.';
COMMENT ON COLUMN portfolio.realized_pnl.reason IS 'Why it is not final.';
