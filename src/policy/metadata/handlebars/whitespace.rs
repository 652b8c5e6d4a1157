//! Which blanks a template loses: those beside a tilde, and the line that a standalone block or comment stands on.

use super::{
    super::javascript::is_blank,
    parser::{Block, Program, Statement, Strip},
};

/// Drops the blanks of a whole template.
pub(super) fn control(program: &mut Program) {
    visit(program, true);
}

/// What a statement does to its neighbours.
#[derive(Default)]
struct Effect {
    strip: Strip,
    inline_standalone: bool,
    open_standalone: bool,
    close_standalone: bool,
}

fn visit(program: &mut Program, is_root: bool) {
    for at in 0..program.body.len() {
        let Some(effect) = accept(&mut program.body[at]) else { continue };
        let before = is_blank_before(&program.body, at, is_root);
        let after = is_blank_after(&program.body, Some(at), is_root);
        if effect.strip.close {
            omit_right(&mut program.body, Some(at), true);
        }
        if effect.strip.open {
            omit_left(&mut program.body, Some(at), true);
        }
        if effect.inline_standalone && before && after {
            omit_right(&mut program.body, Some(at), false);
            omit_left(&mut program.body, Some(at), false);
        }
        if effect.open_standalone && before {
            if let Some(inner) = inner(&mut program.body[at], false) {
                omit_right(&mut inner.body, None, false);
            }
            omit_left(&mut program.body, Some(at), false);
        }
        if effect.close_standalone && after {
            omit_right(&mut program.body, Some(at), false);
            if let Some(inner) = inner(&mut program.body[at], true) {
                omit_left(&mut inner.body, None, false);
            }
        }
    }
}

/// The first or the last of a block's two programs.
fn inner(statement: &mut Statement, last: bool) -> Option<&mut Program> {
    let Statement::Block(block) = statement else { return None };
    let Block { program, inverse, .. } = block.as_mut();
    if last { inverse.as_mut().or(program.as_mut()) } else { program.as_mut().or(inverse.as_mut()) }
}

fn accept(statement: &mut Statement) -> Option<Effect> {
    match statement {
        Statement::Content { .. } => None,
        Statement::Mustache { strip, .. } => Some(Effect { strip: *strip, ..Effect::default() }),
        Statement::Partial { strip } | Statement::Comment { strip } => {
            Some(Effect { strip: *strip, inline_standalone: true, ..Effect::default() })
        }
        Statement::Block(block) => Some(accept_block(block)),
    }
}

fn accept_block(block: &mut Block) -> Effect {
    for program in [&mut block.program, &mut block.inverse].into_iter().flatten() {
        visit(program, false);
    }
    let chained = block.program.is_some() && block.inverse.as_ref().is_some_and(|inverse| inverse.chained);
    let both = block.program.is_some() && block.inverse.is_some();
    let first = block.program.as_ref().or(block.inverse.as_ref());
    let mut effect = Effect {
        strip: Strip { open: block.open_strip.open, close: block.close_strip.close },
        inline_standalone: false,
        open_standalone: first.is_some_and(|program| is_blank_after(&program.body, None, false)),
        close_standalone: false,
    };
    if block.open_strip.close
        && let Some(first) = block.program.as_mut().or(block.inverse.as_mut())
    {
        omit_right(&mut first.body, None, true);
    }
    if !both {
        let Some(only) = block.program.as_mut().or(block.inverse.as_mut()) else { return effect };
        effect.close_standalone = is_blank_before(&only.body, only.body.len(), false);
        if block.close_strip.open {
            omit_left(&mut only.body, None, true);
        }
        return effect;
    }
    let (Some(program), Some(inverse)) = (block.program.as_mut(), block.inverse.as_mut()) else { return effect };
    let first_inverse = if chained { chained_program(inverse) } else { Some(&mut *inverse) };
    if let Some(first_inverse) = first_inverse {
        effect.close_standalone = is_blank_before(&first_inverse.body, first_inverse.body.len(), false);
    }
    if block.inverse_strip.open {
        omit_left(&mut program.body, None, true);
    }
    let first_inverse = if chained { chained_program(inverse) } else { Some(&mut *inverse) };
    if block.inverse_strip.close
        && let Some(first_inverse) = first_inverse
    {
        omit_right(&mut first_inverse.body, None, true);
    }
    // The last of a chain is its first block: a chain is one block in the other.
    let last_inverse = if chained { chained_program(inverse) } else { Some(&mut *inverse) };
    if block.close_strip.open
        && let Some(last_inverse) = last_inverse
    {
        omit_left(&mut last_inverse.body, None, true);
    }
    let first_inverse = if chained { chained_program(inverse) } else { Some(inverse) };
    if let Some(first_inverse) = first_inverse
        && is_blank_before(&program.body, program.body.len(), false)
        && is_blank_after(&first_inverse.body, None, false)
    {
        omit_left(&mut program.body, None, false);
        omit_right(&mut first_inverse.body, None, false);
    }
    effect
}

fn chained_program(inverse: &mut Program) -> Option<&mut Program> {
    match inverse.body.first_mut() {
        Some(Statement::Block(block)) => block.program.as_mut(),
        _ => None,
    }
}

/// Tells whether nothing but blanks stands between the statement at `at` and the line break before it.
fn is_blank_before(body: &[Statement], at: usize, is_root: bool) -> bool {
    let Some(previous) = at.checked_sub(1).and_then(|at| body.get(at)) else { return is_root };
    let Statement::Content { original, .. } = previous else { return false };
    let text = original.trim_end_matches(is_blank);
    original[text.len()..].contains('\n') || at < 2 && is_root && text.is_empty()
}

/// The same for what follows it; without `at`, for the beginning of the body.
fn is_blank_after(body: &[Statement], at: Option<usize>, is_root: bool) -> bool {
    let next = at.map_or(0, |at| at + 1);
    let Some(following) = body.get(next) else { return is_root };
    let Statement::Content { original, .. } = following else { return false };
    let text = original.trim_start_matches(is_blank);
    original[..original.len() - text.len()].contains('\n') || body.get(next + 1).is_none() && is_root && text.is_empty()
}

fn omit_right(body: &mut [Statement], at: Option<usize>, all: bool) {
    if let Some(Statement::Content { value, right_stripped, .. }) = body.get_mut(at.map_or(0, |at| at + 1))
        && (all || !*right_stripped)
    {
        let kept = if all {
            value.trim_start_matches(is_blank)
        } else {
            let text = value.trim_start_matches([' ', '\t']);
            text.strip_prefix("\r\n").or_else(|| text.strip_prefix('\n')).unwrap_or(text)
        };
        *right_stripped = kept.len() != value.len();
        *value = kept.to_owned();
    }
}

fn omit_left(body: &mut [Statement], at: Option<usize>, all: bool) {
    let Some(at) = at.unwrap_or(body.len()).checked_sub(1) else { return };
    if let Some(Statement::Content { value, left_stripped, .. }) = body.get_mut(at)
        && (all || !*left_stripped)
    {
        let kept = if all { value.trim_end_matches(is_blank) } else { value.trim_end_matches([' ', '\t']) };
        *left_stripped = kept.len() != value.len();
        *value = kept.to_owned();
    }
}
