//! AWS's partitions (`partitions.json` of the SDKs): each with regions, services and identities of its own.

/// A partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Partition {
    /// `aws`.
    Commercial,
    /// `aws-us-gov`.
    UsGovernment,
    /// `aws-cn`.
    China,
    /// `aws-eusc`.
    EuropeanSovereign,
    /// `aws-iso`.
    Iso,
    /// `aws-iso-b`.
    IsoB,
    /// `aws-iso-e`.
    IsoE,
    /// `aws-iso-f`.
    IsoF,
}

impl Partition {
    /// All of them, each with its name in ARNs.
    const NAMES: [(Partition, &'static str); 8] = [
        (Partition::Commercial, "aws"),
        (Partition::UsGovernment, "aws-us-gov"),
        (Partition::China, "aws-cn"),
        (Partition::EuropeanSovereign, "aws-eusc"),
        (Partition::Iso, "aws-iso"),
        (Partition::IsoB, "aws-iso-b"),
        (Partition::IsoE, "aws-iso-e"),
        (Partition::IsoF, "aws-iso-f"),
    ];

    /// Its name in ARNs.
    pub fn name(self) -> &'static str {
        Partition::NAMES.iter().find(|(one, _)| *one == self).map_or("aws", |(_, name)| name)
    }

    /// The partition in an ARN; `None` for what is no ARN, or of a partition that is not known.
    pub fn of_arn(arn: &str) -> Option<Partition> {
        let mut parts = arn.split(':');
        let (Some("arn"), Some(name)) = (parts.next(), parts.next()) else { return None };
        Partition::NAMES.iter().find(|(_, one)| *one == name).map(|(partition, _)| *partition)
    }

    /// The partition of a region; `None` for what has no region's form.
    pub fn of_region(region: &str) -> Option<Partition> {
        let parts: Vec<&str> = region.split('-').collect();
        let word = |part: &&str| part.len() >= 2 && part.bytes().all(|b| b.is_ascii_lowercase());
        let (number, words) = parts.split_last()?;
        if !(1..=2).contains(&number.len())
            || !number.bytes().all(|b| b.is_ascii_digit())
            || !words.iter().all(word)
        {
            return None;
        }
        match words {
            ["cn", _] => Some(Partition::China),
            ["eusc", "de", _] => Some(Partition::EuropeanSovereign),
            ["us", "iso", _] => Some(Partition::Iso),
            ["us", "isob", _] => Some(Partition::IsoB),
            ["eu", "isoe", _] => Some(Partition::IsoE),
            ["us", "isof", _] => Some(Partition::IsoF),
            ["us", "gov", _] => Some(Partition::UsGovernment),
            [continent, _] if continent.len() == 2 => Some(Partition::Commercial),
            _ => None,
        }
    }

    /// Whether registries of a partition have hosts under the suffix of another: GovCloud shares the commercial one's.
    pub fn suffix_of(self) -> Partition {
        match self {
            Partition::UsGovernment => Partition::Commercial,
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_and_a_region_name_their_partition() {
        for (arn, region, partition) in [
            ("arn:aws:iam::123456789012:role/r", "eu-west-1", Partition::Commercial),
            ("arn:aws-cn:iam::123456789012:role/r", "cn-north-1", Partition::China),
            ("arn:aws-us-gov:iam::123456789012:role/r", "us-gov-west-1", Partition::UsGovernment),
            ("arn:aws-eusc:iam::123456789012:role/r", "eusc-de-east-1", Partition::EuropeanSovereign),
            ("arn:aws-iso:iam::123456789012:role/r", "us-iso-east-1", Partition::Iso),
            ("arn:aws-iso-b:iam::123456789012:role/r", "us-isob-east-1", Partition::IsoB),
            ("arn:aws-iso-e:iam::123456789012:role/r", "eu-isoe-west-1", Partition::IsoE),
            ("arn:aws-iso-f:iam::123456789012:role/r", "us-isof-south-1", Partition::IsoF),
        ] {
            assert_eq!(Partition::of_arn(arn), Some(partition), "{arn}");
            assert_eq!(Partition::of_region(region), Some(partition), "{region}");
            assert!(arn.starts_with(&format!("arn:{}:", partition.name())), "{arn}");
        }
        for none in ["", "role/r", "arn", "arn:", "arn:aws-x:iam::1:role/r", "aws:arn:", "ARN:aws:"] {
            assert_eq!(Partition::of_arn(none), None, "{none}");
        }
        for none in ["", "mars", "eu-west", "eu-west-", "eu-west-123", "EU-west-1", "aws-global"] {
            assert_eq!(Partition::of_region(none), None, "{none}");
        }
    }
}
