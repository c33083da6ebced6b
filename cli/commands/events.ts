/** `label-relay events send`. */
import { createReadStream } from 'node:fs';
import { access, constants, stat } from 'node:fs/promises';
import { LabelRelay } from '../../client.ts';
import { loadConfig } from '../../config.ts';
import { connect } from '../../connection.ts';
import { InputError } from '../../errors.ts';
import type { PoisonReason } from '../../events/envelope.ts';
import { EXIT, print, printJson, say } from '../output.ts';

/** What the one word means that the consumer logs and counts. */
const MEANINGS: Readonly<Record<PoisonReason, string>> = {
  'too-large': 'it is larger than a message of SQS can be',
  'not-json': 'it is no JSON',
  'no-envelope': 'it is no event as EventBridge sends them',
  'wrong-account': 'its account is not in LABEL_RELAY_ACCOUNTS, or not that of its ARN',
  'wrong-region': 'its region is not in LABEL_RELAY_REGIONS, or not that of its ARN',
  'bad-arn': 'its ARN is not that of a labeling job',
  'bad-status': 'its LabelingJobStatus is no short text',
};

const meaningOf = (kind: string, why: string): string =>
  Object.entries(MEANINGS).find(([reason]) => kind === 'poison' && reason === why)?.[1] ?? `Temporal: ${why}`;

export const sendFile = async (file: string, options: { json?: boolean }): Promise<number> => {
  if (file !== '-') {
    const readable = await access(file, constants.R_OK).then(
      async () => !(await stat(file)).isDirectory(),
      () => false,
    );
    if (!readable) {
      throw new InputError(
        `${file} cannot be read; give a file of events (JSON or JSON Lines) or - for standard input`,
      );
    }
  }
  const config = loadConfig(process.env);
  const { client, connection } = await connect(config);
  try {
    // A person sends these: every account and region that the configuration does not exclude is believed.
    const report = await new LabelRelay({ client }).sendEvents(file === '-' ? process.stdin : createReadStream(file), {
      ...(config.accounts.length > 0 ? { accounts: config.accounts } : {}),
      ...(config.regions.length > 0 ? { regions: config.regions } : {}),
    });
    if (options.json === true) printJson(report);
    else {
      for (const [kind, count] of Object.entries(report.counts)) print(`${String(count).padStart(8)} ${kind}`);
      for (const { line, kind, why } of report.problems)
        say(`line ${line} was not sent: ${meaningOf(kind, why)} (${kind}: ${why})`);
      if (!report.complete) say('The sending ended there; send the whole file again later, it costs nothing twice.');
    }
    return report.complete && report.problems.length === 0 ? EXIT.done : EXIT.failed;
  } finally {
    await connection.close();
  }
};
