//! What a search would do, found out by doing its cheap parts: ranges, coverage, feasibility, a time estimate.

use std::time::Instant;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::{Plan, Progress, Reachable, StudyError};
use crate::search::{self, FrontError, Options};

/// How many labels a forecast makes at most: about a second of search.
const TRIAL_LABELS: u64 = 10_000_000;

/// How many whole networks a forecast builds to see how long one takes.
const TRIAL_NETWORKS: usize = 16;

/// What a search would do.
#[derive(Debug)]
pub struct Forecast {
    /// What each quantity can reach over the whole space, in the order of [`Plan::quantities`].
    pub reachable: Vec<Reachable>,
    /// Members of the front; nothing if it was not found within the trial.
    pub members: Option<usize>,
    /// Why there would be no front.
    pub obstacle: Option<StudyError>,
    /// Estimated seconds of the whole search, where the trial allows an estimate.
    pub seconds: Option<f64>,
}

impl Plan {
    /// Tries the search within a small budget. `compiled` is how many seconds the plan itself took.
    ///
    /// # Errors
    /// [`StudyError::Input`] where no architecture computes anything.
    pub fn forecast(&self, compiled: f64, progress: &dyn Progress) -> Result<Forecast, StudyError> {
        let reachable = self.reachable()?;
        progress.stage("Trying the search", None);
        let options = Options {
            limits: self.limits.clone(),
            epsilon: self.config.epsilon,
            max_labels: TRIAL_LABELS,
            ..Options::default()
        };
        let began = Instant::now();
        let forecast = match search::front(&self.costs, &options) {
            Ok(front) => {
                let seconds =
                    compiled + began.elapsed().as_secs_f64() + front.len() as f64 * self.seconds_per_network();
                Forecast { reachable, members: Some(front.len()), obstacle: None, seconds: Some(seconds) }
            }
            Err(FrontError::Budget { .. }) => Forecast { reachable, members: None, obstacle: None, seconds: None },
            Err(error) => {
                let obstacle = Some(self.explain_front(error));
                Forecast { reachable, members: None, obstacle, seconds: None }
            }
        };
        progress.done(match (&forecast.members, &forecast.obstacle) {
            (_, Some(_)) => "nothing is feasible",
            (Some(_), None) => "the front was found",
            (None, None) => "the front is large: it was not found within the trial",
        });
        Ok(forecast)
    }

    /// How long it takes to build and judge one whole network, on all cores together.
    fn seconds_per_network(&self) -> f64 {
        let mut rng = ChaCha8Rng::seed_from_u64(self.config.seed);
        let began = Instant::now();
        for _ in 0..TRIAL_NETWORKS {
            let architecture = self.graph.architecture(&self.graph.sample(&mut rng));
            if let Ok(network) = self.config.space.build(&architecture) {
                for quantity in self.quantities() {
                    // Only the time counts here; what goes wrong is told by the search itself.
                    let _ = quantity.value(&network);
                }
            }
        }
        began.elapsed().as_secs_f64() / (TRIAL_NETWORKS * rayon::current_num_threads()) as f64
    }
}
