//! Every sentence that users see. Each module renders one kind of report.

pub mod diagnostics;
