//! Job files: whatever people have written once is read as it was meant.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tierline::engine::EngineLimits;
use tierline::ground::SourceFile;
use tierline::job::{
    CalibrationChoice, Column, Delivery, Guards, Incomplete, Job, LineageSettings, OddDays,
    OwnDimension, OwnTable, ReportSettings, Retention, Source,
};
use tierline::storage::RetryPolicy;

use super::fixtures::{assert_reads, path, versions};

#[test]
fn job_files_of_every_form_are_read() {
    for version in versions("job") {
        let text = fs::read_to_string(path(&format!("job/{version}.toml"))).unwrap();
        let file = SourceFile::new("job.toml", text);
        let job = Job::parse(&file, "job", PathBuf::from("/jobs")).unwrap();
        assert_reads("job", &version, &reading(&job));
    }
}

/// Everything that a job says. A field that is new in it has a default here, in each form.
fn reading(job: &Job) -> Value {
    let Job {
        name,
        base: _,
        timezone,
        output,
        plain,
        sql,
        pack,
        sources,
        parameters: _,
        grace_days: _,
        hold_days: _,
        dimensions: _,
        tables: _,
        calibration,
        engine,
        ranges,
        cluster,
        #[cfg(feature = "cluster")]
            certificates: _,
        time_limit,
        retry_policy,
        guards,
        retention,
        report,
        lineage,
        file: _,
        keys: _,
    } = job;
    let mut reading = rules_of(job);
    let others = json!({
        "name": name,
        "timezone": timezone.name(),
        "output": output,
        "plain": plain,
        "sql": sql.as_deref().map(shown),
        "pack": pack,
        "sources": sources.iter().map(of_source).collect::<BTreeMap<_, _>>(),
        "calibration": of_calibration(calibration),
        "engine": of_engine(engine),
        "ranges": ranges,
        "cluster": cluster,
        "time_limit_seconds": time_limit.map(|limit| limit.as_secs()),
        "patience": of_retry_policy(retry_policy),
        "guards": of_guards(guards),
        "retention": of_retention(retention),
        "report": report.as_ref().map(of_report),
        "lineage": lineage.as_ref().map(of_lineage),
    });
    let Value::Object(others) = others else {
        unreachable!("an object");
    };
    reading.as_object_mut().unwrap().extend(others);
    reading
}

/// What a record of rules says of a job, too.
pub(super) fn rules_of(job: &Job) -> Value {
    let parameters = job.parameters.iter().map(|(name, value)| {
        let (kind, text) = value.parts();
        (name, json!([kind, text]))
    });
    let dimensions = job.dimensions.iter().map(|(name, dimension)| {
        let OwnDimension { tiers, ranked } = dimension;
        (name, json!({"tiers": tiers, "ranked": ranked}))
    });
    let tables = job.tables.iter().map(|(name, table)| {
        let OwnTable {
            key,
            is_dated,
            sorted_by,
            may_be_empty,
        } = table;
        let table = json!({"key": key, "is_dated": is_dated, "sorted_by": sorted_by, "may_be_empty": may_be_empty});
        (name, table)
    });
    json!({
        "parameters": parameters.collect::<BTreeMap<_, _>>(),
        "grace_days": job.grace_days,
        "hold_days": job.hold_days,
        "dimensions": dimensions.collect::<BTreeMap<_, _>>(),
        "tables": tables.collect::<BTreeMap<_, _>>(),
    })
}

fn shown(path: &Path) -> String {
    path.to_str().unwrap().replace('\\', "/")
}

fn of_source((name, source): (&String, &Source)) -> (String, Value) {
    let Source {
        url,
        is_held,
        required,
        delivery,
        keeps_days,
        columns,
        profile,
    } = source;
    let reading = json!({
        "url": url,
        "is_held": is_held,
        "required": required,
        "delivery": of_delivery(delivery),
        "keeps_days": keeps_days,
        "columns": of_columns(columns),
        "profile": profile,
    });
    (name.clone(), reading)
}

fn of_delivery(delivery: &Delivery) -> Value {
    let Delivery {
        files,
        ready,
        incomplete,
        odd_days,
    } = delivery;
    let incomplete = match incomplete {
        Incomplete::Wait => "wait",
        Incomplete::Warn => "warn",
    };
    let odd_days = match odd_days {
        OddDays::Refuse => "refuse",
        OddDays::Skip => "skip",
    };
    json!({"files": files.to_string(), "ready": ready, "incomplete": incomplete, "odd_days": odd_days})
}

/// Columns as `amount DECIMAL(18,2) optional`.
pub(super) fn of_columns(columns: &[Column]) -> Vec<String> {
    let columns = columns.iter().map(|column| {
        let Column {
            name,
            column_type,
            optional,
        } = column;
        let optional = if *optional { " optional" } else { "" };
        format!("{name} {}{optional}", column_type.declared())
    });
    columns.collect()
}

fn of_calibration(choice: &CalibrationChoice) -> Value {
    match choice {
        CalibrationChoice::Newest => json!("newest"),
        CalibrationChoice::Pinned(id) => json!({ "pinned": id }),
        CalibrationChoice::ByHand(given) => {
            let cuts = given.iter().map(|given| {
                let cuts = given.cuts.map(|cut| cut.to_string());
                (&given.metric, cuts)
            });
            json!({"by_hand": cuts.collect::<BTreeMap<_, _>>()})
        }
    }
}

/// Threads that are not given are those of the machine.
fn of_engine(limits: &EngineLimits) -> Value {
    let EngineLimits {
        threads,
        memory_bytes,
        spill_bytes,
        spill_folder,
    } = limits;
    let of_machine = std::thread::available_parallelism().ok();
    let threads = Some(*threads).filter(|threads| Some(*threads) != of_machine);
    json!({
        "threads": threads,
        "memory_bytes": memory_bytes,
        "spill_bytes": spill_bytes,
        "spill_folder": spill_folder.as_deref().map(shown),
    })
}

fn of_retry_policy(retry_policy: &RetryPolicy) -> Value {
    let RetryPolicy { retry, request } = retry_policy;
    json!({"retry_seconds": retry.as_secs(), "request_seconds": request.as_secs()})
}

fn of_retention(retention: &Retention) -> Value {
    let Retention {
        daily_days,
        versions_days,
        quarantine_days,
    } = retention;
    json!({
        "daily_days": daily_days,
        "versions_days": versions_days,
        "quarantine_days": quarantine_days,
    })
}

fn of_report(report: &ReportSettings) -> Value {
    let ReportSettings { language, users } = report;
    json!({"language": language.tag(), "users": users})
}

fn of_lineage(lineage: &LineageSettings) -> Value {
    let LineageSettings {
        url,
        file,
        namespace,
    } = lineage;
    json!({
        "url": url.as_ref().map(ToString::to_string),
        "file": file.as_deref().map(shown),
        "namespace": namespace,
    })
}

fn of_guards(guards: &Guards) -> Value {
    let Guards {
        max_users_drop,
        max_users_growth,
        max_tier_share_change,
        future_dates,
        min_volume_share,
    } = guards;
    json!({
        "max_users_drop": max_users_drop,
        "max_users_growth": max_users_growth,
        "max_tier_share_change": max_tier_share_change,
        "future_dates": future_dates,
        "min_volume_share": min_volume_share,
    })
}
