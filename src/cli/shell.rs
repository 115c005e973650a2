//! `tierline completions` and `tierline man`: what shells and `man` know of the commands, from their arguments
//! as clap has them.

use clap::CommandFactory;
use clap_complete::generate;
use clap_mangen::Man;

use crate::ground::{Diagnostic, Problems, counted};
use crate::night::NightError;

use super::arguments::{Arguments, CompletionsArguments, ManArguments};
use super::init::write;
use super::output::Output;

const NAME: &str = "tierline";

/// Prints the completions of a shell.
pub(super) fn completions(
    arguments: &CompletionsArguments,
    output: &Output,
) -> Result<(), NightError> {
    let mut script = Vec::new();
    generate(
        arguments.shell,
        &mut Arguments::command(),
        NAME,
        &mut script,
    );
    output.result(&String::from_utf8_lossy(&script));
    Ok(())
}

/// Writes a page for tierline and one for each of its commands.
pub(super) fn man(arguments: &ManArguments, output: &Output) -> Result<(), NightError> {
    let mut tierline = Arguments::command().disable_help_subcommand(true);
    tierline.build();
    let commands: Vec<_> = std::iter::once(&tierline)
        .chain(tierline.get_subcommands())
        .collect();
    for command in &commands {
        let name = command
            .get_display_name()
            .unwrap_or_else(|| command.get_name());
        let path = arguments.folder.join(format!("{name}.1"));
        let mut page = Vec::new();
        let rendered = Man::new((*command).clone()).render(&mut page);
        rendered.map_err(|error| {
            let message = format!("cannot write the page of `{name}`: {error}");
            Problems(vec![Diagnostic::new(message)])
        })?;
        write(&path, &page)?;
    }
    let folder = arguments.folder.display();
    output.result(&format!(
        "{} written to {folder}\n",
        counted(commands.len(), "page")
    ));
    Ok(())
}
