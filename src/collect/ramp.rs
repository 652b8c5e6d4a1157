//! Many requests to a registry at once: more as long as all goes well, half as many when it asks for it.

use futures::stream::{FuturesUnordered, StreamExt as _};

use crate::ports::RegistryReader;

/// How many requests go out at once: at first, and at most.
const FIRST_AT_ONCE: usize = 4;
const MOST_AT_ONCE: usize = 32;

#[derive(Debug)]
struct Ramp {
    at_once: usize,
    since_change: usize,
    slowed_down: u64,
}

impl Ramp {
    fn new(slowed_down: u64) -> Self {
        Self { at_once: FIRST_AT_ONCE, since_change: 0, slowed_down }
    }

    /// Learns that a request was answered, and how often the registry has asked for less so far.
    fn learn(&mut self, slowed_down: u64) {
        self.since_change += 1;
        if slowed_down > self.slowed_down {
            self.slowed_down = slowed_down;
            // Requests that were under way together are told the same thing: one halving for all of them.
            if self.since_change >= self.at_once / 2 || self.at_once == MOST_AT_ONCE {
                self.at_once = (self.at_once / 2).max(1);
                self.since_change = 0;
            }
        } else if self.since_change >= self.at_once {
            self.at_once = (self.at_once * 2).min(MOST_AT_ONCE);
            self.since_change = 0;
        }
    }
}

/// Asks for every item, and hands over each answer as it comes.
///
/// # Errors
/// The first that `take` returns; what is under way then is dropped.
pub(super) async fn ramped<R, I, T, F, E>(
    registry: &R,
    items: impl IntoIterator<Item = I>,
    ask: impl Fn(I) -> F,
    mut take: impl FnMut(T) -> Result<(), E>,
) -> Result<(), E>
where
    R: RegistryReader,
    F: Future<Output = T>,
{
    let mut waiting = items.into_iter();
    let mut ramp = Ramp::new(registry.slowed_down());
    let mut under_way = FuturesUnordered::new();
    loop {
        while under_way.len() < ramp.at_once {
            let Some(item) = waiting.next() else { break };
            under_way.push(ask(item));
        }
        let Some(answer) = under_way.next().await else { return Ok(()) };
        ramp.learn(registry.slowed_down());
        take(answer)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_at_once_as_long_as_all_goes_well() {
        let mut ramp = Ramp::new(0);
        let steps: Vec<usize> = (0..100)
            .map(|_| {
                ramp.learn(0);
                ramp.at_once
            })
            .collect();
        assert_eq!((steps[2], steps[3], steps[11], steps[27], steps[99]), (4, 8, 16, 32, 32));
    }

    #[test]
    fn half_as_many_when_the_registry_asks_for_it_once_for_all_under_way() {
        let mut ramp = Ramp { at_once: 32, since_change: 50, slowed_down: 0 };
        ramp.learn(1);
        assert_eq!(ramp.at_once, 16);
        ramp.learn(2);
        ramp.learn(3);
        assert_eq!(ramp.at_once, 16, "these were under way when the first was told");
        (0..8).for_each(|_| ramp.learn(3));
        ramp.learn(4);
        assert_eq!(ramp.at_once, 8);
        for told in 5..100 {
            ramp.learn(told);
        }
        assert_eq!(ramp.at_once, 1);
    }
}
