//! `pocketnas latency profile`: measure what a space can need on a device, and write a table of it.

use std::cell::Cell;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use indicatif::HumanDuration;
use serde_json::{Map, Value, json};

use super::super::progress::Stages;
use super::super::{Failure, emit, emit_json};
use super::origin::Origin;
use super::{load, say};
use crate::export;
use crate::latency::profile::{
    self, Ended, JournalError, Plan, PlanError, PlanOptions, Prior, ProfileError, Profiled, Progress, Protocol, RUNS,
    RunnerError, RunnerKind, Setup, Statement, Watch, open,
};
use crate::latency::{CONFIDENCE, Class, SourceFile, file_name, read_network};
use crate::report;
use crate::space::Space;
use crate::study::{self, Interrupt, Interruptible, Lock, Progress as _};
use crate::units::counted;

mod planned;

use planned::Described;

/// Measure the operators, blocks and some networks of a space on a device, and write a table.
///
/// Whole networks come first, then what a price would be least certain of. Every measurement is kept as it is made: the
/// same command goes on after an interrupt, a lost cable or a kill.
#[derive(clap::Args)]
pub(super) struct ProfileArguments {
    /// A search space: the path of a file, or the name of a shipped one
    space: String,
    /// What runs the benchmarks: `host`, `onnxruntime` or `onnxruntime:LIBRARY` on this machine, or `adb:SERIAL` with a serial
    /// that `adb devices` lists
    #[arg(long, value_name = "RUNNER")]
    runner: String,
    /// Where the table goes; without it, with --dir, networks are measured and no table is made
    #[arg(long, value_name = "TABLE", required_unless_present_any = ["dry_run", "dir"])]
    out: Option<PathBuf>,
    /// Where measurements are kept, and whole networks as `latency eval` and `latency fit` read them; the table's path with
    /// `.profile` for its ending if left out
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Say what would be measured and about how long that takes; needs no device
    #[arg(long)]
    dry_run: bool,
    /// Whole networks to calibrate by, drawn from the space; upper bounds at 95 % take 19
    #[arg(long, value_name = "N", default_value_t = 20)]
    networks: usize,
    /// Architecture files whose networks are measured in place of drawn ones, such as those of a front
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with = "networks")]
    architectures: Vec<PathBuf>,
    /// Blocks, at most one for each position
    #[arg(long, value_name = "N", default_value_t = 8)]
    blocks: usize,
    /// Most operators; all that the space can need if left out
    #[arg(long, value_name = "N")]
    operators: Option<usize>,
    /// Counted runs of each benchmark, in five goes; with fewer than 50 the table says so
    #[arg(long, value_name = "N", default_value_t = RUNS, value_parser = clap::value_parser!(u32).range(5..=100_000))]
    runs: u32,
    /// Stop after so many minutes and make the table of what is there
    #[arg(long, value_name = "MINUTES")]
    limit_time: Option<f64>,
    /// Seed of the networks that are drawn, and of the order
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    seed: u64,
    /// A table that says what is likely dear: a file, or the name of a shipped one; a rough count if left out
    #[arg(long, value_name = "TABLE")]
    prior: Option<String>,
    /// The command that runs a model, with {model}, {runs}, {warmup}, {threads} and {profile} filled in: `benchncnn …`;
    /// its output may be that of benchmark_model, of benchncnn, or lines like `12.5 ms`
    #[arg(long, value_name = "COMMAND")]
    model_runner: Option<String>,
    /// The format of models that the command of --model-runner reads
    #[arg(long, value_name = "FORMAT")]
    model_format: Option<String>,
    /// Files that the command needs on the device, itself among them
    #[arg(long, value_name = "FILE", num_args = 1..)]
    push: Vec<PathBuf>,
    /// Cores to run on: `big`, `little`, or numbers like 4,6-7
    #[arg(long, value_name = "CORES")]
    cores: Option<String>,
    /// Number format that runs: `float`, or `quant` (int8) where the command of --model-runner quantises the models that it is
    /// given, which are always written in float
    #[arg(long, value_name = "PRECISION", default_value = "float", value_parser = ["float", "quant"])]
    precision: String,
    /// Threads of a run
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    threads: u32,
    /// Seconds to wait for a device that was lost; 60 if left out
    #[arg(long, value_name = "SECONDS")]
    patience: Option<u64>,
    /// Seconds that one go of a command may take; 300 if left out
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    timeout: Option<u64>,
    /// Seconds that the device rests before what was disturbed is repeated; 1 on this machine, 20 on a phone if left out
    #[arg(long, value_name = "SECONDS")]
    cool_down: Option<f64>,
    /// The adb program; the one in the PATH if left out
    #[arg(long, value_name = "PROGRAM")]
    adb: Option<PathBuf>,
    #[command(flatten)]
    origin: Origin,
    /// When it was measured, for the table's provenance
    #[arg(long)]
    date: Option<String>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &ProfileArguments) -> Result<(), Failure> {
    arguments.check()?;
    let space = Space::load(&arguments.space, None)?;
    let prior = match &arguments.prior {
        Some(table) => Prior::Table(Box::new(load(table)?)),
        None => Prior::Rough,
    };
    let options = PlanOptions {
        networks: if arguments.architectures.is_empty() { arguments.networks } else { 0 },
        blocks: arguments.blocks,
        operators: arguments.operators,
        seed: arguments.seed,
        // Runtimes are handed the memory of their inputs; the engine lays its inputs out anew.
        copied: arguments.runner == "host" && arguments.model_runner.is_none(),
    };
    let mut given = Vec::new();
    for file in &arguments.architectures {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        given.push((name, read_network(file).map_err(Failure::input)?));
    }
    let mut plan = Plan::new(&space, &options, &prior).map_err(|error| match error {
        PlanError::Space(error) => error.into(),
        other => Failure::input(other),
    })?;
    plan.begin_with(given, &prior);
    if arguments.dry_run {
        let planned = Described {
            plan: &plan,
            protocol: arguments.protocol()?,
            start_up: arguments.start_up()?,
            space: space.name(),
        };
        return if arguments.json { emit_json(&planned.json()) } else { emit(&planned.text()) };
    }
    measure(arguments, &plan)
}

impl ProfileArguments {
    fn kind(&self) -> Result<&'static RunnerKind, Failure> {
        RunnerKind::named(&self.runner).map(|(kind, _)| kind).map_err(Failure::input)
    }

    /// Refuses what would not be used.
    fn check(&self) -> Result<(), Failure> {
        let phone = self.kind()?.name == "adb";
        let command = phone || self.model_runner.is_some();
        let unused = [
            ("--push", !self.push.is_empty() && !command, "a command, which --model-runner gives"),
            ("--model-format", self.model_format.is_some() && !command, "a command, which --model-runner gives"),
            ("--timeout", self.timeout.is_some() && !command, "a command, which --model-runner gives"),
            ("--patience", self.patience.is_some() && !phone, "a phone, with --runner adb:SERIAL"),
            ("--adb", self.adb.is_some() && !phone, "a phone, with --runner adb:SERIAL"),
        ];
        match unused.into_iter().find(|(_, unused, _)| *unused) {
            Some((flag, _, of)) => Err(Failure::refuse(
                format!("the runner `{}` has no use for {flag} as it is used here", self.runner),
                format!("leave {flag} out; it is for {of}"),
            )),
            None => Ok(()),
        }
    }

    fn start_up(&self) -> Result<Duration, Failure> {
        Ok(self.kind()?.start_up(self.model_runner.is_some()))
    }

    fn protocol(&self) -> Result<Protocol, Failure> {
        let seconds = |flag: &str, value: f64| {
            Duration::try_from_secs_f64(value)
                .map_err(|_| Failure::refuse(format!("{flag} {value} is no span of time"), "give a number from 0 up"))
        };
        let rest = self.cool_down.unwrap_or(self.kind()?.cool_down.as_secs_f64());
        let windows = Protocol::default().windows;
        Ok(Protocol {
            runs: self.runs.div_ceil(windows),
            cool_down: seconds("--cool-down", rest)?,
            limit: self.limit_time.map(|minutes| seconds("--limit-time", 60.0 * minutes)).transpose()?,
            seed: self.seed,
            ..Protocol::default()
        })
    }

    fn setup(&self, folder: &Path) -> Setup {
        let usual = Setup::default();
        Setup {
            command: self.model_runner.clone(),
            formats: export::MODELS.to_vec(),
            format: self.model_format.clone(),
            push: self.push.clone(),
            cores: self.cores.clone(),
            threads: self.threads,
            runtime: self.origin.runtime.clone(),
            precision: self.precision.clone(),
            adb: self.adb.clone().unwrap_or(usual.adb),
            patience: self.patience.map_or(usual.patience, Duration::from_secs),
            timeout: self.timeout.map_or(usual.timeout, Duration::from_secs),
            folder: folder.to_owned(),
        }
    }

    /// The command in a form that holds on other machines: files without their folders, serials left out.
    fn command_line(&self) -> String {
        let runner = match self.runner.split_once(':') {
            Some(("adb", _)) => "adb:SERIAL".to_owned(),
            Some((kind, path)) => format!("{kind}:{}", file_name(Path::new(path))),
            None => self.runner.clone(),
        };
        let space = file_name(Path::new(&self.space));
        let mut command = format!("pocketnas latency profile {space} --runner {runner}");
        let mut add = |flag: &str, value: Option<String>| {
            if let Some(value) = value {
                let plain = value.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:,".contains(c));
                let quoted = if plain { value } else { format!("'{}'", value.replace('\'', r"'\''")) };
                let _ = write!(command, " {flag} {quoted}");
            }
        };
        add("--model-runner", self.model_runner.clone());
        add("--model-format", self.model_format.clone());
        self.push.iter().for_each(|file| add("--push", Some(file_name(file))));
        add("--cores", self.cores.clone());
        add("--threads", (self.threads != 1).then(|| self.threads.to_string()));
        add("--precision", (self.precision != "float").then(|| self.precision.clone()));
        match &self.architectures[..] {
            [] => add("--networks", Some(self.networks.to_string())),
            files => files.iter().for_each(|file| add("--architectures", Some(file_name(file)))),
        }
        add("--blocks", Some(self.blocks.to_string()));
        add("--operators", self.operators.map(|count| count.to_string()));
        add("--runs", Some(self.runs.to_string()));
        add("--limit-time", self.limit_time.map(|minutes| minutes.to_string()));
        add("--seed", Some(self.seed.to_string()));
        add("--prior", self.prior.as_ref().map(|prior| file_name(Path::new(prior))));
        command
    }
}

fn measure(arguments: &ProfileArguments, plan: &Plan) -> Result<(), Failure> {
    let protocol = arguments.protocol()?;
    let table = arguments.out.as_ref().map(|out| out.with_extension("profile"));
    let folder = arguments.dir.clone().or(table).unwrap_or_default();
    if let Some(out) = &arguments.out {
        let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty());
        if out.is_dir() || parent.is_some_and(|parent| !parent.is_dir()) {
            let message = format!("the table cannot be written to `{}`", out.display());
            return Err(Failure::refuse(message, "give --out a file in a folder that is there"));
        }
    }
    report::prepare(&folder).map_err(Failure::input)?;
    let _lock = Lock::take(&folder, &std::env::args().collect::<Vec<_>>().join(" "))?;
    let mut journal = profile::Journal::open(&folder).map_err(Failure::input)?;
    let mut runner = open(&arguments.runner, arguments.setup(&folder)).map_err(Failure::input)?;
    let about = HumanDuration(protocol.estimate(plan, arguments.start_up()?));
    say(format_args!("{}, about {about}; kept in {}", counted(plan.planned.len(), "benchmark"), folder.display()));

    if arguments.runs < RUNS {
        say(format_args!("warning: {} runs of each benchmark, where the protocol asks for {RUNS}", arguments.runs));
    }
    if arguments.model_runner.as_ref().is_some_and(|command| !command.contains("{runs}")) {
        let goes = protocol.windows;
        say(format_args!(
            "warning: the command has no {{runs}}, so nothing tells it how often to run a model: what it prints in {goes} goes \
             is all that counts"
        ));
    }

    let interrupt = interruptible()?;
    let stages = Stages::new(false);
    let total = plan.planned.len() as u64 * u64::from(protocol.windows);
    stages.stage("measuring", Some(total));
    let (first, most, drifted) = (Cell::new(None), Cell::new(0), Cell::new(0usize));
    let show = |progress: Progress| match progress {
        Progress::Counted { done, .. } => {
            let done = done as u64;
            let known = first.get().unwrap_or(done);
            first.set(Some(known));
            // The level of the reference is found as measurements come in, and what counted may come not to. The bar waits.
            most.set(most.get().max(done));
            stages.counted(most.get().saturating_sub(known), known, total);
        }
        Progress::Drifted { by } => {
            let times = drifted.get() + 1;
            drifted.set(times);
            // A machine that is busy throughout would say it every few seconds.
            if times.is_power_of_two() {
                let (percent, so_far) = (100.0 * by, counted(times, "time"));
                say(format_args!(
                    "the reference operator is {percent:+.1} % off ({so_far} so far): what was measured meanwhile is repeated"
                ));
            }
        }
        Progress::Failed { name, reason } => say(format_args!("left out: {name}: {reason}")),
        Progress::Lost(why) => say(format_args!("{why}; waiting for it")),
        Progress::Back => say(format_args!("the device is back")),
    };
    let watch = Watch { stop: &|| interrupt.asked(), progress: &show };
    let ended =
        profile::measure(plan, &arguments.runner, runner.as_mut(), &mut journal, &protocol, watch).map_err(failure)?;
    drop(interrupt);
    let words = match ended {
        Ended::Done => "done",
        Ended::TimeUp => "the time is up",
        Ended::Stopped => "stopped",
    };
    stages.done(words);
    if ended == Ended::Stopped {
        let message = format!("stopped; the measurements are kept in {}: the same command goes on", folder.display());
        return Err(Failure::Interrupted(miette::miette!("{message}")));
    }

    let Protocol { windows, tolerance, .. } = protocol;
    let networks =
        profile::write_networks(plan, journal.events(), windows, tolerance, &folder).map_err(Failure::failed)?;
    if networks > 0 {
        let file = folder.join(profile::NETWORKS);
        say(format_args!("{} in {}", counted(networks, "whole network"), file.display()));
    }
    let Some(out) = &arguments.out else { return Ok(()) };
    let bytes = std::fs::read(journal.path()).map_err(Failure::failed)?;
    let kept = SourceFile { name: file_name(journal.path()), blake3: blake3::hash(&bytes).to_hex().to_string() };
    let statement = Statement {
        stated: arguments.origin.stated(),
        date: arguments.date.clone(),
        command: arguments.command_line(),
        journal: Some(kept),
    };
    let made = profile::table(plan, journal.events(), windows, tolerance, &statement).map_err(failure)?;
    report::write_atomically(out, |file| file.write_all(made.table.to_yaml().as_bytes())).map_err(Failure::failed)?;
    say(format_args!("table written to {}", out.display()));
    if arguments.json { emit_json(&made_json(&made)) } else { emit(&made_text(&made)) }
}

/// From now on the first interrupt lets the benchmark that runs finish.
fn interruptible() -> Result<Interruptible, Failure> {
    ctrlc::set_handler(|| match study::interrupt() {
        Interrupt::Finishing => {
            say(format_args!("interrupted: the benchmark that runs is finished and kept; interrupt again to stop now"));
        }
        Interrupt::Now => {
            say(format_args!("interrupted: what was measured is kept; the same command goes on"));
            std::process::exit(130);
        }
    })
    .map_err(Failure::failed)?;
    Ok(Interruptible::new())
}

fn failure(error: ProfileError) -> Failure {
    match error {
        ProfileError::Journal(wrong @ (JournalError::Line { .. } | JournalError::Other { .. })) => {
            Failure::input(wrong)
        }
        ProfileError::Unready(wrong @ (RunnerError::Unusable(_) | RunnerError::Refused(_))) => Failure::input(wrong),
        ProfileError::Unready(RunnerError::Lost(why)) | ProfileError::Runner(RunnerError::Lost(why)) => {
            Failure::failed(format!("{why}; the measurements are kept: the same command goes on"))
        }
        other => Failure::failed(other),
    }
}

fn made_text(made: &Profiled) -> String {
    let mut text = format!(
        "{} measured, {} too short to tell; {} and {} in the fit\n",
        counted(made.rows, "operator"),
        made.too_short,
        counted(made.blocks, "block"),
        counted(made.networks, "whole network")
    );
    if made.missing > 0 {
        let _ = writeln!(
            text,
            "{} without enough steady measurements: the same command goes on",
            counted(made.missing, "benchmark")
        );
    }
    if made.runs.fewest < u64::from(RUNS) {
        let _ = writeln!(text, "some benchmarks ran {} times only; the protocol asks for {RUNS}", made.runs.fewest);
    }
    if let (Some(iqr), Some(mad)) = (made.runs.iqr, made.runs.mad) {
        let _ = writeln!(
            text,
            "spread of the runs, relative to their median: quartiles {:.1} % apart, median distance {:.1} % (medians over \
             benchmarks)",
            100.0 * iqr,
            100.0 * mad
        );
    }
    if let Some(error) = &made.table.info().provenance.error {
        let _ = writeln!(
            text,
            "networks left out of the calibration in turn: mean error {:.2} %, within 10 % {:.1} %, rank correlation {:.3}; \
             17-term baseline {:.2} %",
            error.mape, error.within_10, error.spearman, error.baseline_mape
        );
    }
    if let Err(reason) = made.table.bound_factor(CONFIDENCE) {
        let _ = writeln!(text, "no upper bounds: {reason}");
    }
    text
}

fn made_json(made: &Profiled) -> Value {
    let by_class: Map<String, Value> = (Class::ALL.iter().zip(made.calibration.by_class))
        .map(|(class, factor)| (class.name().to_owned(), factor.into()))
        .collect();
    json!({
        "operators": made.rows,
        "too_short": made.too_short,
        "blocks": made.blocks,
        "networks": made.networks,
        "missing": made.missing,
        "fewest_runs": made.runs.fewest,
        "relative_iqr": made.runs.iqr,
        "relative_mad": made.runs.mad,
        "scale": made.calibration.common.scale,
        "scale_by_class": by_class,
        "per_operator_ms": made.calibration.common.operator,
        "per_network_ms": made.calibration.common.network,
        "error": made.table.info().provenance.error,
    })
}
