//! Genesys Cloud's regions.

/// Regions and their domains; the API is at `api.`, the login at `login.` of it.
const REGIONS: [(&str, &str); 18] = [
    ("us_east_1", "mypurecloud.com"),
    ("us_east_2", "use2.us-gov-pure.cloud"),
    ("us_west_2", "usw2.pure.cloud"),
    ("ca_central_1", "cac1.pure.cloud"),
    ("sa_east_1", "sae1.pure.cloud"),
    ("mx_central_1", "mxc1.pure.cloud"),
    ("eu_west_1", "mypurecloud.ie"),
    ("eu_west_2", "euw2.pure.cloud"),
    ("eu_central_1", "mypurecloud.de"),
    ("eu_central_2", "euc2.pure.cloud"),
    ("eusc_de_east_1", "edee1.eusc-pure.cloud"),
    ("me_central_1", "mec1.pure.cloud"),
    ("ap_south_1", "aps1.pure.cloud"),
    ("ap_northeast_1", "mypurecloud.jp"),
    ("ap_northeast_2", "apne2.pure.cloud"),
    ("ap_northeast_3", "apne3.pure.cloud"),
    ("ap_southeast_1", "apse1.pure.cloud"),
    ("ap_southeast_2", "mypurecloud.com.au"),
];

/// The domain of a region by its name in either spelling, or by the domain itself; `None` for none known.
pub fn domain_of(region: &str) -> Option<&'static str> {
    let name = region.trim().to_ascii_lowercase();
    let domain = name
        .trim_start_matches("https://")
        .trim_start_matches("api.")
        .trim_end_matches('/');
    let key = name.replace('-', "_");
    REGIONS
        .iter()
        .find(|(region, known)| *region == key || *known == domain)
        .map(|(_, known)| *known)
}

/// The names of all, with commas.
pub fn known() -> String {
    REGIONS.map(|(region, _)| region).join(", ")
}
