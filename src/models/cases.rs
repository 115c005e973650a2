//! Where the CASEs of a model are in its file.

use std::ops::{ControlFlow, Range};

use datafusion::sql::sqlparser::ast::{Expr, Spanned, Visit, Visitor};

use crate::ground::SourceFile;

use super::Model;
use super::places::bytes_of;

/// One CASE as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenCase {
    /// The word CASE.
    pub head: Range<usize>,
    /// From CASE to END.
    pub whole: Range<usize>,
    /// Every WHEN, and ELSE last where there is one.
    pub branches: Vec<WrittenBranch>,
}

/// One branch of a CASE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenBranch {
    /// Condition and result; of ELSE, the result.
    pub whole: Range<usize>,
    /// What follows THEN, or ELSE.
    pub result: Range<usize>,
}

impl Model {
    /// Every CASE of the statement, an outer one before those within it.
    pub fn cases(&self) -> Vec<WrittenCase> {
        let mut reader = Reader {
            file: &self.file,
            cases: Vec::new(),
        };
        let ControlFlow::Continue(()) = Visit::visit(&self.statement, &mut reader);
        reader.cases
    }
}

struct Reader<'a> {
    file: &'a SourceFile,
    cases: Vec<WrittenCase>,
}

impl Visitor for Reader<'_> {
    type Break = std::convert::Infallible;

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<Self::Break> {
        if let Expr::Case {
            case_token,
            end_token,
            conditions,
            else_result,
            ..
        } = expression
        {
            let head = bytes_of(self.file, case_token.0.span);
            let end = bytes_of(self.file, end_token.0.span).end;
            let place = |part: &Expr| bytes_of(self.file, part.span());
            let whens = conditions.iter().map(|when| {
                let result = place(&when.result);
                WrittenBranch {
                    whole: place(&when.condition).start..result.end,
                    result,
                }
            });
            let otherwise = else_result.iter().map(|result| WrittenBranch {
                whole: place(result),
                result: place(result),
            });
            self.cases.push(WrittenCase {
                whole: head.start..end,
                head,
                branches: whens.chain(otherwise).collect(),
            });
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use crate::ground::{SourceFile, SqlSchema, TableName};
    use crate::models::Model;

    #[test]
    fn every_branch_has_its_place() {
        let text =
            "SELECT CASE a WHEN 1 THEN 'x' ELSE CASE WHEN b THEN c END END AS d FROM tiers.t";
        let name = TableName::new(SqlSchema::Tiers, "d");
        let model = Model::parse(name, SourceFile::new("d.sql", text)).unwrap();
        let shown = |place: &std::ops::Range<usize>| text[place.clone()].to_owned();
        let cases: Vec<Vec<String>> = model
            .cases()
            .iter()
            .map(|case| {
                case.branches
                    .iter()
                    .map(|part| shown(&part.whole))
                    .collect()
            })
            .collect();
        assert_eq!(cases[0], ["1 THEN 'x'", "CASE WHEN b THEN c END"]);
        assert_eq!(cases[1], ["b THEN c"]);
    }
}
