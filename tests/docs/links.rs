//! No page links to what is not there.

use std::path::Path;

use crate::markdown::{Page, page, pages};
use crate::project;

#[test]
fn every_relative_link_leads_to_a_file_and_a_heading_that_are_there() {
    let (mut seen, mut dead) = (0, Vec::new());
    for page in pages() {
        for (line, target) in page.links() {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            seen += 1;
            if let Err(why) = followed(&page, &target) {
                dead.push(format!("{}:{line}: {target} {why}", page.path));
            }
        }
    }
    assert!(seen > 20, "only {seen} links were found");
    assert!(dead.is_empty(), "dead links:\n{}", dead.join("\n"));
}

fn followed(from: &Page, target: &str) -> Result<(), String> {
    let (path, anchor) = target.split_once('#').map_or((target, None), |(path, anchor)| (path, Some(anchor)));
    let folder = Path::new(&from.path).parent().expect("a folder");
    let path = if path.is_empty() { from.path.clone() } else { plain(&folder.join(path)) };
    if !project().join(&path).exists() {
        return Err("is not there".to_owned());
    }
    match anchor {
        Some(anchor) if path.ends_with(".md") && !page(&path).anchors().contains(anchor) => {
            Err("names no heading".to_owned())
        }
        _ => Ok(()),
    }
}

/// Without `..`.
fn plain(path: &Path) -> String {
    let mut steps: Vec<String> = Vec::new();
    for step in path.components().map(|step| step.as_os_str().to_string_lossy().into_owned()) {
        if step == ".." {
            steps.pop();
        } else {
            steps.push(step);
        }
    }
    steps.join("/")
}

#[test]
fn every_page_of_the_folder_is_in_its_index() {
    let index = page("docs/README.md");
    let named: Vec<String> = index.links().into_iter().map(|(_, target)| target).collect();
    for page in pages().iter().filter(|page| page.path.starts_with("docs/")) {
        let name = page.path.strip_prefix("docs/").expect("its name");
        assert!(
            name == "README.md" || named.iter().any(|target| target == name),
            "{name} is not in docs/README.md"
        );
    }
}
