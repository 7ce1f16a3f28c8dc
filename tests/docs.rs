//! The examples in the documents are real: every YAML block of the README and of CONTRIBUTING is read by the program.
#![allow(clippy::unwrap_used, missing_docs)]

use std::path::Path;

use assert_cmd::Command;

/// The fenced blocks of one language in a document.
fn blocks(document: &str, language: &str) -> Vec<String> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(document)).unwrap();
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

fn pocketnas() -> Command {
    Command::new(assert_cmd::cargo::cargo_bin!("pocketnas"))
}

#[test]
fn every_space_and_config_shown_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let mut seen = (0, 0);
    for (index, (document, yaml)) in ["README.md", "CONTRIBUTING.md"]
        .into_iter()
        .flat_map(|document| blocks(document, "yaml").into_iter().map(move |yaml| (document, yaml)))
        .enumerate()
    {
        let file = folder.path().join(format!("{index}.yaml"));
        std::fs::write(&file, &yaml).unwrap();
        let mut command = pocketnas();
        if yaml.starts_with("space:") {
            seen.0 += 1;
            command.args(["space", "count"]).arg(&file);
        } else {
            seen.1 += 1;
            command.arg("plan").arg(&file);
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{document}:\n{yaml}\n{}", String::from_utf8_lossy(&output.stderr));
    }
    assert!(seen.0 > 0 && seen.1 > 0, "{seen:?}");
}

#[test]
fn every_subcommand_shown_exists() {
    for document in ["README.md", "CONTRIBUTING.md"] {
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(document)).unwrap();
        for command in text.split("`pocketnas ").skip(1) {
            let word = command.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap();
            pocketnas().args([word, "--help"]).assert().success();
        }
    }
}
