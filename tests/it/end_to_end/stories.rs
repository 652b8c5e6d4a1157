//! The four projects that the policies were written for, from their first commit to a clean-up and back: each story is a
//! transcript of all that its runs said and of what the registry held after each.

mod buildkit;
mod kyklos;
mod phialo;
mod raqeem;
mod stage;
