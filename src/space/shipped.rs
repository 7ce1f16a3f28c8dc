//! The spaces that come with the program, by name.

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../search_spaces/", $name, ".yaml")))),*]
    };
}

/// Name and text of each. Baselines are spaces of one architecture.
pub(super) const SPACES: &[(&str, &str)] = shipped![
    "nas-bench-201",
    "mobilenetv3-ofa",
    "mobilenetv3-ofa-resolution",
    "donna",
    "nats-bench-sss",
    "efficientnet-zico-bc",
    "ffnet-cityscapes",
    "darts",
    "resnet-small",
    "fbnet",
    "autoformer-tiny",
    "super-resolution",
    "baselines/mobilenet-v2",
    "baselines/mobilenet-v3-large",
    "baselines/mobilenet-v3-small",
    "baselines/resnet-18",
    "baselines/efficientnet-lite0",
];
