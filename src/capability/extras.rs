//! Which names pass that are no field of an operation: in bodies of both kinds and in queries, by one rule.
//!
//! A name passes if the operator lists it, in exactly this spelling. Where unknown names are forwarded, names that no
//! list has pass as well, but never one that a server may read as more videos, a longer, a larger or another one than was
//! judged, or as a file or an address.

use crate::params::UnknownField;
use crate::rejection::Param;

use super::spelling::Readings;
use super::{Shared, Unknown};

/// Every field that some operation judges. No operator can let one through, and nothing that may be read as one passes.
const JUDGED: &[Param] = &[
    Param::Model,
    Param::Prompt,
    Param::InputReference,
    Param::Seconds,
    Param::Size,
    Param::Video,
    Param::Name,
];

/// The field that a name may be read as, if there is one that is judged.
pub(crate) fn judged_as(name: &str) -> Option<Param> {
    let readings = Readings::of(name);
    JUDGED.iter().copied().find(|field| readings.may_be(field.name()))
}

impl Shared {
    /// Whether a field that is none of the operation's may go upstream.
    pub(super) fn passes(&self, field: &UnknownField<'_>) -> bool {
        match self.verdict(&field.name) {
            Verdict::Allowed => true,
            Verdict::Unnamed => !field.holds(&|name| decides(&Readings::of(name))),
            Verdict::Refused => false,
        }
    }

    /// Whether a parameter of this name may stand in the query of a paid operation. `named`: whether the operator
    /// lets it through there.
    pub(super) fn passes_in_query(&self, name: &str, named: bool) -> bool {
        let readings = Readings::of(name);
        if readings.may_be_one_of(JUDGED) {
            return false;
        }
        // A range judges the value in the body alone.
        named || (!readings.may_be_one_of(super::ranges::RANGED) && self.verdict(name) != Verdict::Refused)
    }

    /// Whether the operator lets this name through, and does not refuse it.
    pub(crate) fn allows(&self, name: &str) -> bool {
        self.verdict(name) == Verdict::Allowed
    }

    /// Whether the operator refuses this name.
    pub(crate) fn refuses(&self, name: &str) -> bool {
        let readings = Readings::of(name);
        self.refused_parameters.iter().any(|refused| readings.may_be(refused))
    }

    fn verdict(&self, name: &str) -> Verdict {
        if self.refuses(name) {
            return Verdict::Refused;
        }
        if self.allowed_parameters.iter().any(|allowed| is_within(name, allowed)) {
            return Verdict::Allowed;
        }
        let readings = Readings::of(name);
        match self.unknown_parameters {
            Unknown::Forward if !readings.may_be_one_of(JUDGED) && !decides(&readings) => Verdict::Unnamed,
            Unknown::Forward | Unknown::Reject => Verdict::Refused,
        }
    }
}

/// What becomes of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// The operator named it.
    Allowed,
    /// It is left to the upstream with all unknown names.
    Unnamed,
    Refused,
}

/// Whether a name is the allowed one, or a member or an item of it: `lora[path]` and `lora[]` of `lora`.
fn is_within(name: &str, allowed: &str) -> bool {
    name.strip_prefix(allowed).is_some_and(|rest| {
        rest.is_empty()
            || (rest.starts_with('[')
                && rest.ends_with(']')
                && rest
                    .get(1..rest.len() - 1)
                    .is_some_and(|keys| keys.split("][").all(|key| !key.contains(['[', ']', '%', '\0']))))
    })
}

/// Whether some server may read a name, or a step of it, as what was judged under another name, as a multiple of it, or
/// as a file or an address. Far more names than any one server has: where it refuses one that is harmless, the operator
/// can name it.
fn decides(readings: &Readings) -> bool {
    readings.folded().any(|name| {
        name.starts_with("num")
            || name.starts_with("extra")
            || listed(EXACT).any(|whole| name == whole)
            || listed(ENDS).any(|end| name.ends_with(end))
            || listed(WITHIN).any(|part| name.contains(part))
    })
}

/// Parts of names.
const WITHIN: &[&str] = &[
    // How much is made, and in how many steps.
    "frame fps second duration batch chunk interpol step output",
    // How large it is.
    "size width height resolution aspect upscal pixel",
    // By which model, and at which price.
    "model lora adapter checkpoint weights quality audio sound",
    // From which picture, video or character, where it is put, and which address is told of it.
    "image video reference character remix media asset upload storage bucket webhook callback",
];

/// Ends of names.
const ENDS: &[&str] = &[
    "count samples variations variants clips length len edge side",
    "path paths url urls uri uris link links file files filename dir directory folder endpoint",
    "fileid fileids taskid jobid generationid",
    // What other fields may stand in.
    "params parameters args options config settings overrides headers",
];

/// Whole names.
const EXACT: &[&str] = &[
    "n w h scale ratio orientation repeat prompts mask id ids mode tier servicetier priority",
    // What other fields may stand in.
    "metadata payload body input inputs data request query",
];

/// The folded names in one of these lists.
fn listed(list: &'static [&'static str]) -> impl Iterator<Item = &'static str> {
    list.iter().flat_map(|line| line.split(' '))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::{self, Encoding, Limits};

    fn shared(unknown_parameters: Unknown, allowed: &[&str], refused: &[&str]) -> Shared {
        let texts = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
        Shared {
            unknown_parameters,
            allowed_parameters: texts(allowed),
            refused_parameters: texts(refused),
            ..Shared::default()
        }
    }

    /// Every way in which the name may come: in JSON, in a form, in a query.
    fn ways(shared: &Shared, name: &str) -> [bool; 3] {
        let json = format!("{{{}:1}}", serde_json::Value::from(name));
        let form = format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n1\r\n--b--\r\n");
        let boundary = Encoding::Multipart { boundary: "b".to_owned() };
        let in_body = |encoding: &Encoding, body: &str| {
            let params = params::parse(encoding, body.as_bytes(), &[], &Limits::default()).expect(name);
            params.unknown().iter().all(|field| shared.passes(field))
        };
        [in_body(&Encoding::Json, &json), in_body(&boundary, &form), shared.passes_in_query(name, false)]
    }

    fn assert_refused(shared: &Shared, names: &[&str]) {
        for name in names {
            assert_eq!(ways(shared, name), [false; 3], "{name}");
        }
    }

    fn assert_passed(shared: &Shared, names: &[&str]) {
        for name in names {
            assert_eq!(ways(shared, name), [true; 3], "{name}");
        }
    }

    fn words(list: &'static str) -> Vec<&'static str> {
        list.split_whitespace().collect()
    }

    /// Names that multiply or override what was judged, or name files and addresses, at servers that are known; and
    /// fields of other operations, with their disguises.
    const DECIDING: &str = "num_frames frames n N n[] n[0] _n num_outputs num_outputs_per_prompt numOutputsPerPrompt \
        num%5Fframes num%255Fframes NUM_FRAMES num-frames num_videos batch_size width Width height short_edge \
        aspect_ratio resolution duration durationSeconds length video_length clip_len output_path video_path \
        perf_dump_path upscaling_model_path frame_interpolation_model_path reference_url video_url callback_url \
        webhook webhook_url extra_body extra_json extra_params extra_args extra_body[num_frames] Extra_Body \
        video_params diffusers_kwargs metadata quality enable_upscaling upscaling_scale lora lora[path] \
        enable_frame_interpolation frame_interpolation_exp character_id characters remix_id remixed_from_video_id \
        video_id source_video_id image image_reference last_frame start_image audio_url sample_steps \
        sampling_steps model_name foo[num_frames] foo.width profile \
        seconds Seconds size model video video[id] input_reference name _prompt";

    const HARMLESS: &str = "seed negative_prompt guidance_scale guidance_scale_2 true_cfg_scale flow_shift \
        boundary_ratio user style camera_fixed watermark custom_llm_provider";

    #[test]
    fn a_name_on_no_list_is_refused() {
        let shared = shared(Unknown::Reject, &[], &[]);
        assert_refused(&shared, &words(DECIDING));
        assert_refused(&shared, &words(HARMLESS));
    }

    #[test]
    fn a_named_field_passes_in_its_own_spelling_with_its_members() {
        let shared = shared(Unknown::Reject, &["seed", "num_frames", "lora"], &[]);
        assert_passed(&shared, &["seed", "num_frames", "lora", "lora[path]", "lora[a][b]", "seed[]"]);
        assert_refused(
            &shared,
            &[
                "Seed",
                "seed ",
                "s%65ed",
                "seeds",
                "NUM_FRAMES",
                "num_frames[",
                "lora]",
                "lora[a",
                "lora.path",
                "lora[]x",
            ],
        );
    }

    #[test]
    fn forwarding_lets_harmless_names_pass_and_none_that_decide() {
        let shared = shared(Unknown::Forward, &[], &[]);
        assert_passed(&shared, &words(HARMLESS));
        assert_refused(&shared, &words(DECIDING));
    }

    #[test]
    fn a_deciding_name_passes_where_the_operator_names_it() {
        let shared = shared(Unknown::Forward, &["num_frames"], &[]);
        assert_passed(&shared, &["num_frames", "seed"]);
        assert_refused(&shared, &["NUM_FRAMES", "num%5Fframes", "frames"]);
    }

    #[test]
    fn a_refused_name_is_refused_in_every_spelling_whatever_else_is_said_of_it() {
        for unknown in [Unknown::Reject, Unknown::Forward] {
            let shared = shared(unknown, &["seed", "style"], &["seed"]);
            assert_refused(&shared, &["seed", "Seed", "seed[]", "seed.x", "s%65ed"]);
            assert_passed(&shared, &["style"]);
        }
    }

    /// A container on no list is no way around, be it an object or the text of one.
    #[test]
    fn names_within_a_value_are_judged_where_the_field_is_on_no_list() {
        let forward = shared(Unknown::Forward, &["named"], &[]);
        let passes = |body: &str| {
            let params =
                params::parse(&Encoding::Json, body.as_bytes(), &[], &Limits::default()).expect(body);
            params.unknown().iter().all(|field| forward.passes(field))
        };
        for clean in [r#"{"camera":{"pan":1,"zoom":[0.5]}}"#, r#"{"named":{"num_frames":1}}"#] {
            assert!(passes(clean), "{clean}");
        }
        for around in [
            r#"{"camera":{"pan":1,"num_frames":9600}}"#,
            r#"{"camera":[{"deep":{"Width":1}}]}"#,
            r#"{"camera":"{\"num_frames\":9600}"}"#,
            r#"{"camera":{"size":"3840x2160"}}"#,
        ] {
            assert!(!passes(around), "{around}");
        }
    }

    /// Operators must be able to look up why a field was refused.
    #[test]
    fn the_documentation_lists_every_part_of_a_name() {
        let page = include_str!("../../docs/configuration.md");
        let (_, section) = page.split_once("### Forwarding unknown fields\n").expect("the section");
        let (section, _) = section.split_once("\n## ").expect("another section");
        let spans: Vec<String> =
            section.split('`').skip(1).step_by(2).map(super::super::spelling::folded).collect();
        let is_there = |word: &str| spans.iter().any(|span| span == word);
        for word in [EXACT, ENDS, WITHIN].into_iter().flat_map(listed).chain(["num", "extra"]) {
            let singular = word.strip_suffix('s').unwrap_or(word);
            assert!(is_there(word) || is_there(singular), "{word} is not documented");
        }
    }

    #[test]
    fn a_query_never_holds_a_judged_name_and_a_deciding_one_only_by_name() {
        let shared = shared(Unknown::Forward, &["fps"], &[]);
        for judged in ["seconds", "Seconds", "s%65conds", "size[]", "model"] {
            assert!(!shared.passes_in_query(judged, true), "{judged}");
        }
        for name in ["n", "width", "fps"] {
            assert_eq!(
                [false, true].map(|named| shared.passes_in_query(name, named)),
                [false, true],
                "{name}"
            );
        }
    }
}
