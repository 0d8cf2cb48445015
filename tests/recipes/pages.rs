//! What a page of the guide says, as a test reads it.

/// The settings of a page: the arguments of its `trusted_proxies` calls, in order.
pub(crate) fn proxies(page: &str) -> Vec<Vec<String>> {
    let calls = page.split(".trusted_proxies([").skip(1);
    let list = |call: &str| {
        let (list, _) = call.split_once("])").expect("a list that ends");
        list.split(',').map(|item| item.trim().trim_matches('"').to_owned()).collect()
    };
    calls.map(list).collect()
}

/// A row of a table `| peer | X-Forwarded-For | client |`.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) peer: String,
    pub(crate) forwarded_for: Option<String>,
    pub(crate) client: String,
}

/// The tables of clients on a page, in order.
pub(crate) fn tables(page: &str) -> Vec<Vec<Row>> {
    let tables = page.split("| peer | `X-Forwarded-For` | client |\n|---|---|---|\n").skip(1);
    tables.map(|table| table.lines().map_while(row).collect()).collect()
}

fn row(line: &str) -> Option<Row> {
    let [_, peer, forwarded_for, client, _] = line.split('|').collect::<Vec<_>>()[..] else {
        return None;
    };
    let code = |cell: &str| cell.split('`').nth(1).map(str::to_owned);
    let (peer, client) = (code(peer)?, code(client)?);
    Some(Row { peer, forwarded_for: code(forwarded_for), client })
}
