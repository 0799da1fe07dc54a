//! Form fields that are arrays and objects by their names: `field[]`, `field[0]`, `field[key]`.

/// A form field's name, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FieldName<'b> {
    /// What stands before the brackets.
    pub(super) base: &'b str,
    /// What the first pair of brackets makes of it.
    pub(super) shape: Shape,
    /// What stands between the first and the last bracket: `key` for `field[key]`, `a][b` for `field[a][b]`.
    pub(super) keys: &'b str,
}

/// What a form field is by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// `field`.
    Plain,
    /// `field[]`: one more item of an array.
    Append,
    /// `field[0]`: a certain item of an array.
    Index,
    /// `field[key]`: a member of an object.
    Member,
}

impl<'b> FieldName<'b> {
    /// Takes a name apart; `None` if its brackets are not pairs at its end, or an index is oddly spelled.
    pub(super) fn parse(name: &'b str) -> Option<Self> {
        let Some((base, brackets)) = name.split_once('[') else {
            return (!name.contains(']')).then_some(Self { base: name, shape: Shape::Plain, keys: "" });
        };
        let keys = brackets.strip_suffix(']')?;
        if base.is_empty() || base.contains(']') || keys.split("][").any(|key| key.contains(['[', ']'])) {
            return None;
        }
        let shape = match keys.split("][").next()? {
            "" => Shape::Append,
            key if !key.bytes().all(|byte| byte.is_ascii_digit()) => Shape::Member,
            // `[00]` is an item to some and a member to others.
            key if key.len() > 1 && key.starts_with('0') => return None,
            _ => Shape::Index,
        };
        Some(Self { base, shape, keys })
    }
}

/// The names of the arrays and objects that a name is part of: `a` and `a[b]` for `a[b][c]`.
pub(super) fn parents(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('[').filter_map(|(at, _)| name.get(..at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_names_apart() {
        for (name, base, shape, keys) in [
            ("", "", Shape::Plain, ""),
            ("video", "video", Shape::Plain, ""),
            ("video[]", "video", Shape::Append, ""),
            ("video[0]", "video", Shape::Index, "0"),
            ("video[1023]", "video", Shape::Index, "1023"),
            ("video[id]", "video", Shape::Member, "id"),
            ("video[a][]", "video", Shape::Member, "a]["),
            ("video[][a]", "video", Shape::Append, "][a"),
            ("video[-1]", "video", Shape::Member, "-1"),
        ] {
            assert_eq!(FieldName::parse(name), Some(FieldName { base, shape, keys }), "{name}");
        }
    }

    #[test]
    fn refuses_odd_brackets() {
        for name in
            ["video[", "video]", "video[a", "video[a]b", "video[[a]]", "video[a]]", "[video]", "video[00]"]
        {
            assert_eq!(FieldName::parse(name), None, "{name}");
        }
    }

    #[test]
    fn names_the_parents() {
        assert_eq!(parents("a[b][]").collect::<Vec<_>>(), ["a", "a[b]"]);
        assert_eq!(parents("a").count(), 0);
    }
}
