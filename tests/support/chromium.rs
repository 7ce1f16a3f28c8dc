//! Headless Chromium, for pages that say themselves what works.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

const WATCH: &str = "<script>window.trouble = [];
addEventListener('error', event => trouble.push(String(event.message || event.target)), true);
addEventListener('securitypolicyviolation', event => trouble.push('blocked ' + event.blockedURI));
const log = console.error; console.error = (...words) => { trouble.push(words.join(' ')); log(...words); };
</script>";

/// The browser, or none with a word on how to get it. On CI its absence is a failure.
pub fn find() -> Option<PathBuf> {
    let named = std::env::var_os("CHROMIUM").map(PathBuf::from);
    let names = ["chromium", "chromium-browser", "google-chrome"].map(PathBuf::from);
    let found = named
        .into_iter()
        .chain(names)
        .find(|program| Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success()));
    if found.is_none() {
        let advice = "the page is not tested in a browser: install one with `apt-get install -y chromium`, \
                      or set CHROMIUM to its path";
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{advice}");
        println!("{advice}");
    }
    found
}

/// Opens a page in a window of this width, with a script at its end that leaves its findings in the document: base64
/// between FACTS and END. What goes wrong meanwhile is in `window.trouble`.
pub fn facts(program: &PathBuf, page: &str, script: &str, width: u32) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let page = page
        .replacen("<title>", &format!("{WATCH}<title>"), 1)
        .replace("</body>", &format!("<script>{script}</script></body>"));
    let path = folder.path().join("page.html");
    std::fs::write(&path, page).unwrap();
    let output = Command::new(program)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
        .arg(format!("--window-size={width},1000"))
        .args(["--virtual-time-budget=8000", "--dump-dom"])
        .arg(format!("file://{}", path.display()))
        .output()
        .unwrap();
    let dom = String::from_utf8_lossy(&output.stdout);
    let encoded = dom.rsplit_once("FACTS").and_then(|(_, rest)| rest.split_once("END"));
    let (encoded, _) =
        encoded.unwrap_or_else(|| panic!("no findings from {program:?}: {}", String::from_utf8_lossy(&output.stderr)));
    serde_json::from_slice(&base64(encoded)).unwrap()
}

/// Decodes base64: the dumped page has its text escaped, which base64 survives.
fn base64(text: &str) -> Vec<u8> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::new();
    let (mut buffer, mut bits) = (0_u32, 0);
    for digit in text.bytes().filter_map(|byte| alphabet.iter().position(|known| *known == byte)) {
        (buffer, bits) = ((buffer << 6) | digit as u32, bits + 6);
        if bits >= 8 {
            bits -= 8;
            bytes.push((buffer >> bits) as u8);
            buffer &= (1 << bits) - 1;
        }
    }
    bytes
}
