//! From a strategy's settings to the strategy.

use crate::config::{StrategyConfig, StrategyKind};
use crate::search::{
    Aging, AgingOptions, Conditional, Domain, Genotype, Halving, HalvingOptions, HalvingOptionsError, Local,
    LocalOptions, Nsga2, Nsga2Options, Nsga3, Nsga3Options, Random, Strategy,
};

/// The strategy that `config` describes, over `domain`; `seeds` are asked for first, except by random search. `None` for
/// the exact front, which asks for nothing.
///
/// # Errors
/// [`HalvingOptionsError`] where the fidelities do not make a schedule.
pub fn strategy<'a, D: Domain + ?Sized>(
    domain: &'a D,
    config: &StrategyConfig,
    seeds: Vec<Genotype>,
    seed: u64,
) -> Result<Option<Box<dyn Strategy<Genotype> + 'a>>, HalvingOptionsError> {
    let variation = Conditional::new(domain);
    let population = config.population;
    let plain: Box<dyn Strategy<Genotype> + 'a> = match config.kind {
        StrategyKind::Exact => return Ok(None),
        StrategyKind::Nsga2 => {
            let options =
                Nsga2Options { population, steady_state: config.steady_state, seeds, ..Nsga2Options::default() };
            Box::new(Nsga2::new(variation, options, seed))
        }
        StrategyKind::Nsga3 => {
            Box::new(Nsga3::new(variation, Nsga3Options { population, seeds, ..Nsga3Options::default() }, seed))
        }
        StrategyKind::Aging => {
            // A quarter of the population, as in the paper, finds less where there are several objectives.
            let options = AgingOptions { population, sample: (population / 2).max(2), seeds };
            Box::new(Aging::new(variation, options, seed))
        }
        StrategyKind::Local => Box::new(Local::new(variation, LocalOptions { seeds, ..LocalOptions::default() }, seed)),
        StrategyKind::Random => Box::new(Random::new(variation, seed)),
    };
    if config.fidelities.len() < 2 {
        return Ok(Some(plain));
    }
    // So many that about `eta` of them arrive at the top.
    let rungs = config.fidelities.len() as f64;
    let bracket = config.eta.powf(rungs).ceil().clamp(1.0, 10_000.0) as usize;
    let options = HalvingOptions { fidelities: config.fidelities.clone(), eta: config.eta, bracket };
    Ok(Some(Box::new(Halving::new(plain, options)?)))
}
