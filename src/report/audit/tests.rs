#![allow(clippy::unwrap_used)]
use super::*;

fn report() -> AuditReport {
    let truths: Vec<f64> = (0..1000).map(|row| 90.0 + f64::from(row % 71) / 10.0).collect();
    let proxy = |name: &str, baseline, value: f64| AuditProxy {
        name: name.to_owned(),
        baseline,
        spearman: Correlation { value: Some(value), interval: Some((value - 0.02, value + 0.02)) },
        kendall: Correlation { value: Some(value / 1.3), interval: None },
        bands: vec![Some(0.1), None, Some(-0.2)],
        bias: vec![Some(-0.5), None],
        scores: truths.iter().map(|truth| (truth * 7.0) % 13.0).collect(),
        ..AuditProxy::default()
    };
    AuditReport {
        title: "An <audit> & more".to_owned(),
        truth: "accuracy".to_owned(),
        equal: "multiply-adds".to_owned(),
        quantities: vec!["depth".to_owned(), "width".to_owned()],
        proxies: vec![
            proxy("macs", true, 0.4),
            proxy("</title><script>window.broken=1</script>", false, 0.7),
            proxy("backwards", false, -0.3),
        ],
        truths,
        ..AuditReport::default()
    }
}

#[test]
fn the_best_stands_first_and_what_is_not_defined_last() {
    let mut report = report();
    report.proxies[1].spearman = Correlation::default();
    let names: Vec<&str> = report.order().into_iter().map(|proxy| proxy.name.as_str()).collect();
    assert_eq!(names[..2], ["macs", "backwards"]);
}

#[test]
fn names_that_look_like_markup_stay_text() {
    let page = audit_page(&report()).unwrap();
    assert!(!page.contains("<script>window.broken") && page.contains("&lt;script&gt;window.broken=1&lt;/script&gt;"));
    assert!(page.contains("<title>An &lt;audit&gt; &amp; more</title>"));
    assert!(
        !page.contains("http://")
            || page.matches("http://").count() == page.matches("http://www.w3.org/2000/svg").count()
    );
}

#[test]
fn thin_reports_are_drawn_too() {
    let mut odd = report();
    for proxy in &mut odd.proxies {
        proxy.scores = vec![f64::NAN; 1000];
        proxy.spearman = Correlation::default();
        (proxy.bands, proxy.bias) = (Vec::new(), vec![None, None]);
    }
    let flat = AuditReport { truths: vec![5.0; 1000], ..report() };
    for report in [AuditReport::default(), odd, flat] {
        let folder = tempfile::tempdir().unwrap();
        write_audit(&report, folder.path()).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 7);
    }
}

#[test]
fn equal_data_give_equal_pages() {
    assert_eq!(audit_page(&report()).unwrap(), audit_page(&report()).unwrap());
}
