//! Mode `discover`: the packages that patterns name, as the matrix of a workflow.

use serde_json::json;

use crate::{app::Finished, model::ImageName, policy::metadata::Output, report::words};

/// The most that GitHub lets a matrix hold
/// (<https://docs.github.com/actions/reference/workflow-syntax-for-github-actions#jobsjob_idstrategymatrix>).
const MOST_JOBS: usize = 256;

/// Tells which packages there are. Each entry of the matrix is what input `packages` takes; where there are more packages than
/// a matrix may have jobs, an entry names several.
#[must_use]
pub fn discover(images: &[ImageName]) -> Finished {
    let size = images.len().div_ceil(MOST_JOBS).max(1);
    let entries: Vec<String> = images
        .chunks(size)
        .map(|images| images.iter().map(ToString::to_string).collect::<Vec<_>>().join(","))
        .collect();
    let matrix = json!({ "packages": entries });
    let names: Vec<String> = images.iter().map(ToString::to_string).collect();
    Finished {
        text: format!("{}\n{}", words::count(images.len(), "package"), names.join("\n")),
        json: json!({ "packages": names, "matrix": matrix }),
        outputs: vec![Output { name: "matrix", value: matrix.to_string(), file: None }],
        is_drop_in: false,
        error: None,
        summary: String::new(),
        warnings: Vec::new(),
        notices: Vec::new(),
    }
}
