//! One model: one file, one SELECT, and the tables it names.

use std::collections::BTreeSet;
use std::ops::{ControlFlow, Range};

use datafusion::logical_expr::Volatility;
use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Ident, NamedWindowDefinition, NamedWindowExpr, ObjectName,
    Query, Select, SetExpr, Spanned, Statement, TableFactor, TableFunctionArgs, Value, Visit,
    Visitor, WindowSpec, WindowType,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

use crate::ground::{
    Diagnostic, Problems, SourceFile, SqlSchema, TableName, TableNameError, nearest,
};

use super::canonical::tokens;
use super::distinct_from::read_as_sql;
use super::lexemes::lexemes;
use super::outer_using::misread;
use super::places::{bytes_of, head_of, spans_of};
use super::{limits, misleading_characters};

/// The one table function: `windows('rollups.purchases', '30d', 'lifetime')`.
const WINDOWS: &str = "windows";

/// How deep a statement may nest.
const RECURSION_LIMIT: usize = 50;

/// A parsed file of the pack.
#[derive(Debug, Clone)]
pub struct Model {
    /// The table it defines.
    pub name: TableName,
    /// Its file, for messages.
    pub file: SourceFile,
    /// The SELECT, parameters still in place.
    pub statement: Statement,
    /// The tables it names, in the order of the text.
    pub reads: Vec<Reference>,
    /// The tokens of the statement in [one spelling](super::canonical), parameters still in place.
    pub(crate) tokens: Vec<String>,
}

/// A table named in a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The table; the rollup, for a `windows` call.
    pub table: TableName,
    /// Where the name is.
    pub place: Range<usize>,
    /// The windows asked for, when the rollup is read through `windows(...)`.
    pub windows: Option<WindowsCall>,
}

/// The windows of one `windows(...)` call, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowsCall {
    /// Each window's text and place.
    pub windows: Vec<(String, Range<usize>)>,
}

impl WindowsCall {
    /// The name under which the call's result is registered among the rollups, such as
    /// `purchases(30d,lifetime)`.
    pub fn table_name(&self, rollup: &str) -> String {
        let windows: Vec<&str> = self.windows.iter().map(|(text, _)| text.as_str()).collect();
        format!("{rollup}({})", windows.join(","))
    }
}

impl Model {
    /// Parses one file.
    ///
    /// # Errors
    /// Syntax errors; what is too large or has misleading characters; anything but one SELECT;
    /// functions that read the clock or chance; table functions but `windows`; tables not written
    /// as `schema.name`.
    pub fn parse(name: TableName, file: SourceFile) -> Result<Self, Problems> {
        let one = |problem| Problems(vec![problem]);
        limits::check_size(&file).map_err(one)?;
        let words = lexemes(&file.text);
        misleading_characters::find(&file, &words).or_ok(())?;
        limits::check_text(&file, &words).map_err(one)?;
        let mut statement = parse_statement(&file).map_err(one)?;
        read_as_sql(&mut statement);
        limits::check_tables(&statement).map_err(|message| {
            let problem = Diagnostic::at(&file, head_of(&file), message);
            one(problem.help("split the model into several"))
        })?;
        let mut reader = Reader::new(&file);
        let ControlFlow::Continue(()) = Visit::visit(&statement, &mut reader);
        let reads = reader.finish()?;
        Ok(Self {
            tokens: tokens(&file.text),
            name,
            file,
            statement,
            reads,
        })
    }

    /// The statement in [one spelling](super::canonical), parameters still in place.
    pub(crate) fn canonical_sql(&self) -> String {
        self.tokens.join(" ")
    }

    /// The first word of the statement, for problems of the whole model.
    pub fn head(&self) -> Range<usize> {
        head_of(&self.file)
    }

    /// Whether a column of what it reads may be read: it is named somewhere, or a `*` takes all that there are.
    pub(crate) fn may_read(&self, column: &str) -> bool {
        let is_named = |token: &String| token.trim_matches(['"', '`']).eq_ignore_ascii_case(column);
        // Behind the `*` of a product stands a factor, and before that of COUNT(*) a bracket.
        let behind_all = [",", "from", "except", "exclude", "replace"];
        let takes_all = |three: &[String]| {
            three[1] == "*" && three[0] != "(" && behind_all.contains(&&*three[2])
        };
        self.tokens.iter().any(is_named) || self.tokens.windows(3).any(takes_all)
    }

    /// Where a column gets its name, by AS or as it is; as [`place_of`](Self::place_of) where it is
    /// not found.
    pub(crate) fn place_of_alias(&self, column: &str) -> Range<usize> {
        let words = spans_of(&self.file, |token| !matches!(token, Token::Whitespace(_)));
        let words = words.into_iter().map(|span| bytes_of(&self.file, span));
        let words: Vec<Range<usize>> = words.collect();
        let is = |word: &Range<usize>, text: &str| {
            self.file.text[word.clone()].eq_ignore_ascii_case(text)
        };
        let mut named = words.windows(2);
        let named = named.rfind(|pair| is(&pair[0], "as") && is(&pair[1], column));
        named.map_or_else(|| self.place_of(column), |pair| pair[1].clone())
    }

    /// Where a column is first named; the first word of the statement when it is not.
    pub fn place_of(&self, column: &str) -> Range<usize> {
        let named = spans_of(
            &self.file,
            |token| matches!(token, Token::Word(word) if word.value.eq_ignore_ascii_case(column)),
        );
        let first = named.first();
        first.map_or_else(|| self.head(), |span| bytes_of(&self.file, *span))
    }
}

/// Parses a text that is no whole statement: a part of one, such as a condition. It is held to the
/// sizes and the functions of a model.
pub(super) fn parse_with<T: Visit>(
    file: &SourceFile,
    parse: impl FnOnce(&mut Parser<'_>) -> Result<T, ParserError>,
) -> Result<T, Problems> {
    let one = |problem| Problems(vec![problem]);
    limits::check_size(file).map_err(one)?;
    let words = lexemes(&file.text);
    misleading_characters::find(file, &words).or_ok(())?;
    limits::check_text(file, &words).map_err(one)?;
    let parsed = Parser::new(&GenericDialect {})
        .with_recursion_limit(RECURSION_LIMIT)
        .try_with_sql(&file.text)
        .and_then(|mut parser| parse(&mut parser))
        .map_err(|error| one(syntax_error(file, &error)))?;
    let mut reader = Reader::new(file);
    let ControlFlow::Continue(()) = parsed.visit(&mut reader);
    reader.problems.or_ok(parsed)
}

fn parse_statement(file: &SourceFile) -> Result<Statement, Diagnostic> {
    let statements = Parser::new(&GenericDialect {})
        .with_recursion_limit(RECURSION_LIMIT)
        .try_with_sql(&file.text)
        .and_then(|mut parser| parser.parse_statements())
        .map_err(|error| syntax_error(file, &error))?;
    let mut statements = statements.into_iter();
    let Some(first) = statements.next() else {
        return Err(Diagnostic::at(file, 0..0, "the file is empty").help("a model is one SELECT"));
    };
    if let Some(second) = statements.next() {
        let place = bytes_of(file, second.span());
        return Err(Diagnostic::at(file, place, "a second statement")
            .help("a model is one SELECT; put the other into a file of its own"));
    }
    if matches!(&first, Statement::Query(query) if only_selects(&query.body)) {
        return Ok(first);
    }
    let place = head_of(file);
    let keyword = match &first {
        Statement::Query(query) => written_by(&query.body),
        _ => file.text[place.clone()].to_uppercase(),
    };
    let message = format!("{keyword} is not allowed in a model");
    Err(Diagnostic::at(file, place, message)
        .help("a model is one SELECT; tables are created and written by tierline itself"))
}

/// What a query does besides selecting.
fn written_by(body: &SetExpr) -> String {
    let first_word = |statement: &Statement| {
        let text = statement.to_string();
        text.split_whitespace()
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    match body {
        SetExpr::Insert(statement)
        | SetExpr::Update(statement)
        | SetExpr::Delete(statement)
        | SetExpr::Merge(statement) => first_word(statement),
        SetExpr::Select(_) => "SELECT ... INTO".to_owned(),
        _ => "this".to_owned(),
    }
}

fn only_selects(body: &SetExpr) -> bool {
    match body {
        SetExpr::Select(select) => select.into.is_none(),
        SetExpr::Query(query) => only_selects(&query.body),
        SetExpr::SetOperation { left, right, .. } => only_selects(left) && only_selects(right),
        SetExpr::Values(_) => true,
        _ => false,
    }
}

/// A parser's message without its trailing position, placed at that position.
fn syntax_error(file: &SourceFile, error: &ParserError) -> Diagnostic {
    let text = match error {
        ParserError::ParserError(text) | ParserError::TokenizerError(text) => text.as_str(),
        ParserError::RecursionLimitExceeded => "nested too deeply",
    };
    let (message, place) = match text.rsplit_once(" at Line: ") {
        Some((message, position)) => (message, position_in(file, position)),
        None => (text, end_of(file)),
    };
    let message = message.replace("found: EOF", "found the end of the file");
    Diagnostic::at(file, place, format!("syntax error: {message}"))
}

/// The last character that is no space.
fn end_of(file: &SourceFile) -> Range<usize> {
    let text = file.text.trim_end();
    let last = text.char_indices().next_back();
    last.map_or(0..0, |(start, _)| start..text.len())
}

/// The place of a position such as `3, Column: 14`.
fn position_in(file: &SourceFile, position: &str) -> Range<usize> {
    let (line, column) = position.split_once(", Column: ").unwrap_or((position, "1"));
    let start = file.byte_at(line.parse().unwrap_or(1), column.parse().unwrap_or(1));
    let rest = &file.text[start..];
    let length = rest
        .find(|character: char| !character.is_alphanumeric() && character != '_')
        .unwrap_or(rest.len());
    let first = rest.chars().next().map_or(0, char::len_utf8);
    start..start + length.max(first)
}

/// Walks a statement and collects the tables it names and what it must not do.
struct Reader<'a> {
    file: &'a SourceFile,
    common_tables: BTreeSet<String>,
    relations: Vec<ObjectName>,
    reads: Vec<Reference>,
    problems: Problems,
}

impl<'a> Reader<'a> {
    fn new(file: &'a SourceFile) -> Self {
        Self {
            file,
            common_tables: BTreeSet::new(),
            relations: Vec::new(),
            reads: Vec::new(),
            problems: Problems::default(),
        }
    }

    /// Names are resolved last, when every common table expression is known.
    fn finish(mut self) -> Result<Vec<Reference>, Problems> {
        for relation in std::mem::take(&mut self.relations) {
            let parts: Vec<&Ident> = relation
                .0
                .iter()
                .filter_map(|part| part.as_ident())
                .collect();
            if let [name] = parts[..]
                && self.common_tables.contains(&as_the_engine_reads(name))
            {
                continue;
            }
            let text: Vec<&str> = parts.iter().map(|part| part.value.as_str()).collect();
            let text = text.join(".");
            let place = place_of_table(self.file, &relation, &text);
            match text.parse::<TableName>() {
                Ok(table) => self.reads.push(Reference {
                    table,
                    place,
                    windows: None,
                }),
                Err(error) => self
                    .problems
                    .push(not_a_table(self.file, place, &text, &error)),
            }
        }
        self.reads.sort_by_key(|reference| reference.place.start);
        self.problems.or_ok(self.reads)
    }

    fn table_function(&mut self, name: &ObjectName, arguments: &[FunctionArg]) {
        let function = function_name(name);
        if function != WINDOWS {
            let place = bytes_of(self.file, name.span());
            let message = format!("table function `{function}` is not allowed");
            self.problems.push(
                Diagnostic::at(self.file, place, message)
                    .help("the one table function is windows('rollups.<name>', '30d', ...)"),
            );
            return;
        }
        if let Some(reference) = self.windows_call(name, arguments) {
            self.reads.push(reference);
        }
    }

    fn windows_call(&mut self, name: &ObjectName, arguments: &[FunctionArg]) -> Option<Reference> {
        let call_place = bytes_of(self.file, name.span());
        let texts: Option<Vec<(String, Range<usize>)>> = arguments
            .iter()
            .map(|argument| text_argument(self.file, argument))
            .collect();
        let usage = "write windows('rollups.<name>', '30d', 'lifetime', ...): the rollup, then at least one window, all quoted";
        let Some([(rollup, rollup_place), windows @ ..]) = texts.as_deref() else {
            let problem = Diagnostic::at(self.file, call_place, "windows() takes quoted texts");
            self.problems.push(problem.help(usage));
            return None;
        };
        let table = rollup.parse::<TableName>().ok();
        let table = table.filter(|table| table.schema == SqlSchema::Rollups && !windows.is_empty());
        let Some(table) = table else {
            let message = "windows() needs a rollup and at least one window";
            self.problems
                .push(Diagnostic::at(self.file, call_place, message).help(usage));
            return None;
        };
        Some(Reference {
            table,
            place: rollup_place.clone(),
            windows: Some(WindowsCall {
                windows: windows.to_vec(),
            }),
        })
    }

    /// The engine would compute a window that begins with the name of another without that other.
    fn refuse_extended(&mut self, window: &WindowSpec) {
        let Some(base) = &window.window_name else {
            return;
        };
        let place = bytes_of(self.file, base.span);
        let message = format!("a window cannot begin with the name of another, `{base}`");
        let help = "write OVER with that name alone, or write its PARTITION BY and ORDER BY out";
        self.problems
            .push(Diagnostic::at(self.file, place, message).help(help));
    }

    fn refuse_unstable(&mut self, name: &ObjectName) {
        let function = function_name(name);
        if is_stable(&function) {
            return;
        }
        let place = bytes_of(self.file, name.span());
        let message =
            format!("`{function}` is not allowed: a run must give the same rows tomorrow");
        let help = "use $snapshot_date for today; sort by a column instead of random()";
        self.problems
            .push(Diagnostic::at(self.file, place, message).help(help));
    }
}

/// The bare name of a function in lower case, as the engine looks it up; quotes change nothing.
fn function_name(name: &ObjectName) -> String {
    let last = name.0.last().and_then(|part| part.as_ident());
    last.map_or_else(|| name.to_string(), |last| last.value.clone())
        .to_lowercase()
}

/// The place of a table's name; the parser gives none for names in single quotes.
fn place_of_table(file: &SourceFile, name: &ObjectName, text: &str) -> Range<usize> {
    let place = bytes_of(file, name.span());
    if !place.is_empty() {
        return place;
    }
    let quoted = format!("'{text}'");
    let start = file.text.find(&quoted);
    start.map_or(place, |start| start..start + quoted.len())
}

/// A name in FROM that is no `schema.name`: a file, a URL, or a schema that does not exist.
fn not_a_table(
    file: &SourceFile,
    place: Range<usize>,
    text: &str,
    error: &TableNameError,
) -> Diagnostic {
    if text.contains(['/', '\\', ':']) {
        let message = format!("a model cannot read the file or URL `{text}`");
        return Diagnostic::at(file, place, message).help(
            "declare it under [sources] in the job file and read it as sources.<name> in a staging model",
        );
    }
    let problem = Diagnostic::at(file, place, format!("unknown table: {error}"));
    let schemas = SqlSchema::ALL.map(SqlSchema::as_str);
    let TableNameError::UnknownSchema { schema } = error else {
        return problem;
    };
    match nearest(schema, schemas) {
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None => problem.help(format!("the folders are {}", schemas.join(", "))),
    }
}

/// Whether a function's result depends on its arguments alone. Unknown functions pass; the
/// planner names them.
fn is_stable(function: &str) -> bool {
    datafusion::functions::all_default_functions()
        .iter()
        .filter(|known| {
            known.name() == function || known.aliases().iter().any(|alias| alias == function)
        })
        .all(|known| known.signature().volatility == Volatility::Immutable)
}

/// A quoted argument with its place, quotes left out.
fn text_argument(file: &SourceFile, argument: &FunctionArg) -> Option<(String, Range<usize>)> {
    let FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value))) = argument else {
        return None;
    };
    let Value::SingleQuotedString(text) = &value.value else {
        return None;
    };
    let quoted = bytes_of(file, value.span);
    let start = (quoted.start + 1).min(file.text.len());
    Some((text.clone(), start..start + text.len()))
}

fn sampled(file: &SourceFile, name: &ObjectName) -> Diagnostic {
    let message = "TABLESAMPLE is not allowed: a run must give the same rows tomorrow";
    Diagnostic::at(file, bytes_of(file, name.span()), message)
        .help("filter by a column instead of sampling")
}

/// A name in lower case, unless it is quoted.
fn as_the_engine_reads(name: &Ident) -> String {
    match name.quote_style {
        Some(_) => name.value.clone(),
        None => name.value.to_lowercase(),
    }
}

impl Visitor for Reader<'_> {
    type Break = std::convert::Infallible;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Self::Break> {
        let tables = query.with.iter().flat_map(|with| &with.cte_tables);
        self.common_tables
            .extend(tables.map(|table| as_the_engine_reads(&table.alias.name)));
        if let Some(with) = query.with.as_ref().filter(|with| with.recursive) {
            let place = bytes_of(self.file, with.with_token.0.span);
            let message = "WITH RECURSIVE is not allowed: it may never end";
            self.problems.push(Diagnostic::at(self.file, place, message).help(
                "write each level as a common table expression of its own, or deliver the pairs as a CSV of reference/",
            ));
        }
        if !only_selects(&query.body) {
            let place = bytes_of(self.file, query.span());
            let message = format!("{} is not allowed in a model", written_by(&query.body));
            self.problems.push(
                Diagnostic::at(self.file, place, message).help(
                    "a model is one SELECT; tables are created and written by tierline itself",
                ),
            );
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Self::Break> {
        for NamedWindowDefinition(_, window) in &select.named_window {
            if let NamedWindowExpr::WindowSpec(window) = window {
                self.refuse_extended(window);
            }
        }
        self.problems.0.extend(misread(select, self.file));
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Self::Break> {
        match factor {
            TableFactor::Table {
                name,
                args: Some(TableFunctionArgs { args, .. }),
                ..
            }
            | TableFactor::Function { name, args, .. } => self.table_function(name, args),
            TableFactor::Table { name, sample, .. } => {
                if sample.is_some() {
                    self.problems.push(sampled(self.file, name));
                }
                self.relations.push(name.clone());
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<Self::Break> {
        if let Expr::Function(function) = expression {
            self.refuse_unstable(&function.name);
            if let Some(WindowType::WindowSpec(window)) = &function.over {
                self.refuse_extended(window);
            }
        }
        ControlFlow::Continue(())
    }
}
