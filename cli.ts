#!/usr/bin/env node
/** The command line: every command with its help. What a command does is imported only when it runs. */
import { Command, CommanderError, Option } from 'commander';
import { registerAws } from './cli/commands/aws.ts';
import { EXIT, guardOutput, runCommand } from './cli/output.ts';
import { nearest } from './decisions/nearest.ts';
import { InputError } from './errors.ts';

const json = (): Option => new Option('--json', 'print JSON on stdout and nothing else there');

/** A command that also has commands below it takes no words of its own: one that it gets was meant as one of those. */
const refuseWords = (command: Command): void => {
  const [word] = command.args;
  if (word === undefined) return;
  const like = nearest(
    word,
    command.commands.map((below) => below.name()),
  );
  const advice = like === null ? '' : `; did you mean ${command.name()} ${like}?`;
  throw new InputError(`there is no command ${command.name()} ${word}${advice}`);
};

const program = new Command('label-relay')
  .description(
    'Brings a SageMaker Ground Truth dataset to fully labeled: one labeling job after another, followed by Temporal workflows.',
  )
  .addHelpText(
    'after',
    `
Exit codes: 0 done (also finished and stopped), 1 failed, 2 bad input, 3 a
person is asked (watch, demo, --wait), 130 where Ctrl-C ended the waiting for a
chain that goes on. Colours only on a terminal, and not with NO_COLOR.
Temporal and AWS are found by their standard environment variables (TEMPORAL_*,
AWS_*) and profiles.

Examples:
  $ label-relay demo     the whole story on this machine, no account needed
  $ label-relay local    a local stack to try things on
  $ label-relay start examples/image-classification.json --wait
  $ label-relay show birds
  $ label-relay report birds -o birds.html`,
  )
  .showHelpAfterError('(--help shows what is accepted)')
  .showSuggestionAfterError(true)
  // An option belongs to the command that it stands behind: `local` and `local advance` both have --json.
  .enablePositionalOptions()
  .exitOverride();

program
  .command('demo')
  .description('run a chain of several labeling jobs over two months of simulated time, and check its result')
  .addOption(json())
  .option('--keep', 'leave the local stack up afterwards, until Ctrl-C')
  .option('--seed <number>', 'repeat a run', '1')
  .addHelpText('after', '\nExample:\n  $ label-relay demo --keep')
  .action((options) => runCommand(async () => (await import('./cli/commands/demo.ts')).demo(options)));

const local = program
  .command('local')
  .description('run the local stack in the foreground: Temporal with its Web UI, AWS, SageMaker, worker, consumer')
  .addOption(json())
  .option(
    '--without <role>',
    'leave out a process: worker or consumer',
    (role: string, known: string[] | undefined) => [...(known ?? []), role],
  )
  .option('--temporal-port <port>', 'port of the Temporal server')
  .option('--web-port <port>', 'port of the Temporal Web UI')
  .option('--seed <number>', "the simulator's chance")
  .addHelpText('after', '\nExamples:\n  $ label-relay local\n  $ label-relay local --json --without worker')
  .allowExcessArguments()
  .action((options, command: Command) =>
    runCommand(async () => {
      refuseWords(command);
      await (await import('./cli/commands/local.ts')).local(options);
    }),
  );

local
  .command('advance <duration>')
  .description('move the clock of the running local stack (its variables must be set): 90s, 30m, 1h, 2d')
  .addOption(json())
  .addHelpText('after', '\nExample:\n  $ label-relay local advance 31d')
  .action((duration, options) =>
    runCommand(async () => (await import('./cli/commands/local.ts')).localAdvance(duration, options)),
  );

program
  .command('worker')
  .description('run workflows, activities and the event consumer until asked to stop')
  .option('--only <roles>', 'one or more of workflows,activities,events')
  .addHelpText('after', '\nExample:\n  $ label-relay worker --only workflows,activities')
  .action((options) => runCommand(async () => (await import('./cli/commands/worker.ts')).worker(options)));

program
  .command('setup')
  .description('register our search attributes in the Temporal namespace (may be repeated)')
  .addOption(json())
  .addHelpText('after', '\nExample:\n  $ label-relay setup')
  .action((options) => runCommand(async () => (await import('./cli/commands/worker.ts')).setup(options)));

program
  .command('doctor')
  .description('check Temporal, AWS, queues and rules, and say what to do about what is wrong; changes nothing')
  .option('--job-name-prefix <prefix>', "begin of the job names that the worker's role allows, if it allows only some")
  .addOption(json())
  .addHelpText(
    'after',
    '\nExit code 0: nothing failed. Skipped checks say why.\n\nExample:\n  $ label-relay doctor --json',
  )
  .action((options) => runCommand(async () => (await import('./cli/commands/doctor.ts')).doctor(options)));

program
  .command('replay')
  .description('check that this code can go on with the workflows of the namespace: replays their newest histories')
  .option('--last <n>', 'how many: the open ones first, then the newest', '100')
  .addOption(json())
  .addHelpText('after', '\nExit code 1: some fail; they are named.\n\nExample:\n  $ label-relay replay --last 20')
  .action((options) => runCommand(async () => (await import('./cli/commands/replay.ts')).replay(options)));

program
  .command('start <spec>')
  .description('check a spec file and start its chain; - reads standard input')
  .option('--dry-run', 'only check')
  .option('--strict', 'warnings stop the start too')
  .option('--wait', 'follow the chain until it has ended or a person is asked')
  .addOption(json())
  .addHelpText('after', '\nExample:\n  $ label-relay start birds.json --wait')
  .action((file, options) => runCommand(async () => (await import('./cli/commands/chains.ts')).start(file, options)));

program
  .command('adopt <arn>')
  .description(
    'take over a labeling job that was started elsewhere, running or over: it becomes generation 1 of a chain',
  )
  .requiredOption('--chain <name>', 'the name of the chain')
  .option('--policy <file>', 'a JSON file with the policy part of a spec')
  .option('--dataset <uri>', "the chain's dataset; default: the job's own input")
  .option('--dry-run', 'only check')
  .option('--strict', 'warnings stop it too')
  .option('--wait', 'follow the chain until it has ended or a person is asked')
  .addOption(json())
  .addHelpText(
    'after',
    '\nExample:\n  $ label-relay adopt arn:aws:sagemaker:us-east-1:123456789012:labeling-job/birds --chain birds',
  )
  .action((arn, options) => runCommand(async () => (await import('./cli/commands/chains.ts')).adopt(arn, options)));

program
  .command('show <chain>')
  .description('a chain as it is now')
  .addOption(json())
  .addHelpText('after', '\nExamples:\n  $ label-relay show birds\n  $ label-relay show birds --json')
  .action((chain, options) => runCommand(async () => (await import('./cli/commands/chains.ts')).show(chain, options)));

program
  .command('watch <chain>')
  .description('follow a chain until it has ended or a person is asked')
  .addOption(json())
  .addHelpText(
    'after',
    '\nExits 3 as soon as a person is asked. Ctrl-C ends the watching, never the chain.\n\nExample:\n  $ label-relay watch birds',
  )
  .action((chain, options) => runCommand(async () => (await import('./cli/commands/chains.ts')).watch(chain, options)));

program
  .command('list')
  .description('all chains, the newest first')
  .addOption(
    new Option('--status <status>', 'only these').choices([
      'running',
      'attention',
      'labeled',
      'finished',
      'stopped',
      'failed',
    ]),
  )
  .option('--attention [reason]', 'only chains that wait for a person, or that wait for this reason')
  .option('--work-team <team>', 'only chains of this work team: its ARN or its name')
  .option('--text <text>', 'only names that contain this')
  .addOption(json())
  .addHelpText(
    'after',
    '\nExamples:\n  $ label-relay list --attention\n  $ label-relay list --attention labels-missing\n  $ label-relay list --work-team annotators --text bird --json',
  )
  .action((options) => runCommand(async () => (await import('./cli/commands/chains.ts')).list(options)));

program
  .command('stop <chain>')
  .description('stop the live labeling job, keep its labels, end the chain')
  .option('--reason <text>', 'kept with the chain')
  .option('--wait', 'until it has ended')
  .addOption(json())
  .addHelpText('after', '\nExample:\n  $ label-relay stop birds --reason "the guidelines change" --wait')
  .action((chain, options) => runCommand(async () => (await import('./cli/commands/chains.ts')).stop(chain, options)));

program
  .command('resume <chain>')
  .description('go on with a chain that waits for a person or has ended')
  .option('--accept-missing', 'go on although labels that AWS counted are missing')
  .option('--retry-set-aside', 'give set-aside objects new attempts')
  .option('--spec <file>', 'find the record by this spec: for a chain that Temporal has forgotten')
  .addOption(json())
  .addHelpText('after', '\nExample:\n  $ label-relay resume birds --retry-set-aside')
  .action((chain, options) =>
    runCommand(async () => (await import('./cli/commands/chains.ts')).resume(chain, options)),
  );

program
  .command('amend <chain> [changes]')
  .description('change a chain from its next job on: a JSON file { "job": …, "policy": … } with only what changes')
  .option('--set <path=value>', 'one change, such as policy.maxJobs=30', (one: string, all: string[] | undefined) => [
    ...(all ?? []),
    one,
  ])
  .option('--manifest <uri>', 'add the objects of a further manifest')
  .option('--spec <file>', 'find the record by this spec: for a chain that Temporal has forgotten')
  .addOption(json())
  .addHelpText('after', '\nExample:\n  $ label-relay amend birds --set policy.maxCost=500')
  .action((chain, file, options) =>
    runCommand(async () => (await import('./cli/commands/chains.ts')).amend(chain, file, options)),
  );

program
  .command('report <chain>')
  .description('one page about a chain: what happened, charts, set-aside objects, cost; works offline')
  .option('-o, --output <file>', 'where to write it; left out or -: standard output')
  .addOption(
    new Option('--format <format>', 'default: by the ending of the file, else html').choices(['html', 'md', 'json']),
  )
  .addOption(new Option('--json', 'the same as --format json'))
  .addHelpText(
    'after',
    '\nExamples:\n  $ label-relay report birds -o birds.html\n  $ label-relay report birds --format md',
  )
  .action((chain, options) =>
    runCommand(async () => (await import('./cli/commands/report.ts')).report(chain, options)),
  );

const events = program.command('events').description('events of the event stream');
events
  .command('send <file>')
  .description('deliver events from a file or - (an archive) to the chains that follow their jobs')
  .addOption(json())
  .addHelpText('after', '\nExample:\n  $ label-relay events send archive.jsonl')
  .action((file, options) =>
    runCommand(async () => (await import('./cli/commands/events.ts')).sendFile(file, options)),
  );

registerAws(program);

guardOutput();
try {
  await program.parseAsync();
} catch (thrown) {
  if (!(thrown instanceof CommanderError)) throw thrown;
  process.exitCode = thrown.exitCode === 0 ? EXIT.done : EXIT.badInput;
}
