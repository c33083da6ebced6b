/**
 * The current details of both workflows in the Temporal Web UI: Markdown for a person who knows nothing of us. Sentences and
 * lists, no tables: the Web UI draws the cells of a table without a space between them.
 */
import { actionParts } from '../decisions/attention.ts';
import { countersOf, currentTerms, type ChainState } from '../decisions/chain-state.ts';
import { asTerminal } from '../decisions/ending.ts';
import { formatDuration } from '../decisions/durations.ts';
import { deadlineOf, forecastOf, type Follow, type FollowContext } from '../decisions/follow.ts';
import { committedCost } from '../decisions/spending.ts';

const day = (ms: number): string => new Date(ms).toISOString().replace('T', ' ').slice(0, 16) + ' UTC';

export const jobDetails = (
  follow: Follow,
  context: FollowContext,
  job: { chain: string; generation: number },
): string => {
  const { observation, stop } = follow;
  if (observation === null) return `Generation ${job.generation} of the chain \`${job.chain}\`: not created yet.`;
  const { counters } = observation;
  const isOver = asTerminal(observation.status) !== null;
  const lines = [
    `**${observation.status}** – generation ${job.generation} of the chain \`${job.chain}\`, as of ${day(observation.serviceNowMs)} (the service's clock)`,
    '',
    `${counters.totalLabeled} labeled, ${counters.failed} failed, ${counters.unlabeled} unlabeled.`,
    '',
  ];
  if (observation.failureReason !== null) lines.push(`Reason: ${observation.failureReason}`);
  if (stop !== null) {
    lines.push(
      stop.by === 'person'
        ? 'Stopped for a person.'
        : 'Stopped shortly before its deadline; the next job goes on with what is unlabeled.',
    );
  } else if (!context.streaming && !isOver) {
    const deadlineMs = deadlineOf(observation, context.policy);
    lines.push(`Deadline: ${day(deadlineMs)}.`);
    const end = forecastOf(follow, context);
    if (end !== null && Number.isFinite(end.endMs)) {
      lines.push(
        `At its rate so far (${end.ratePerHour.toFixed(1)} objects an hour) done in ${formatDuration(end.endMs - observation.serviceNowMs)}.`,
      );
    }
  }
  if (!isOver) lines.push('', `To stop it: \`label-relay stop ${job.chain}\`, or cancel this workflow.`);
  return lines.join('\n');
};

const actionLine = (action: string): string => {
  const { command, text } = actionParts(action);
  return command === null ? `- ${text}` : `- \`${command}\` ${text}`;
};

/** What a person can do with a chain that asks nothing. */
const freeActions = ({ chain, end, phase, stopRequested, spec }: ChainState): string[] => {
  const report = `label-relay report ${chain} -o ${chain}.html  for all of it on one page`;
  if (end !== null) {
    const goOn =
      end.status === 'labeled' ? 'once `amend --manifest` gave it further objects' : 'to go on with the rest';
    return spec.streaming ? [report] : [report, `label-relay resume ${chain}  ${goOn}`];
  }
  if (stopRequested !== null || phase.kind === 'ended') return [report];
  return [
    report,
    `label-relay amend ${chain} --set <path>=<value>  to change it from its next job on`,
    `label-relay stop ${chain}  to stop the job, keep its labels and end the chain`,
  ];
};

export const chainDetails = (state: ChainState): string => {
  const { dataset, attention, end } = state;
  const last = state.generations.at(-1);
  const lines: string[] = [];
  if (end !== null) lines.push(`**${end.status}** – ${end.reason}`);
  else if (attention !== null) {
    lines.push(`**Attention: ${attention.message}**`, '', 'What you can do:', '', ...attention.actions.map(actionLine));
  } else if (state.hindrance !== undefined && state.hindrance !== null) {
    lines.push(
      `**stopping** – it cannot end yet, and tries again by itself: ${state.hindrance}`,
      '',
      'Once the cause is mended, this makes it try at once:',
      '',
      `- \`label-relay stop ${state.chain}\``,
    );
  } else lines.push(`**running**${last === undefined ? '' : ` – generation ${last.generation}, job \`${last.name}\``}`);
  const live = state.phase.kind === 'job' ? last : undefined;
  if (live !== undefined && live.createdAtMs !== null && !state.spec.streaming) {
    lines.push(
      '',
      `Deadline of the live job: ${day(live.createdAtMs + (live.terms ?? currentTerms(state)).lifetimeMs)} (the service's clock).`,
    );
  }
  if (dataset !== null) {
    lines.push(
      '',
      `Of ${dataset.total} objects **${dataset.labeled} are labeled**, ${dataset.remaining} remain, ${dataset.setAside} are set aside; ${dataset.doubled} labels came twice.`,
    );
  }
  if (state.generations.length > 0) {
    lines.push('', 'Labeling jobs:', '');
    for (const job of state.generations.slice(-12)) {
      const outcome = job.outcome === null ? '' : ` (${job.outcome})`;
      const isMerged = job.outcome !== null && job.outcome !== 'streaming';
      const labels = isMerged ? job.newLabels : countersOf(job).totalLabeled;
      const reason = job.failureReason ?? job.input?.note ?? null;
      const why = reason === null ? '' : ` – ${reason.replaceAll(/\s+/g, ' ')}`;
      lines.push(`${job.generation}. \`${job.name}\`: ${job.status}${outcome}, ${labels} new labels${why}`);
    }
  }
  const cost = committedCost(state);
  if (cost !== null) lines.push('', `Committed: ${cost.toFixed(2)} ${state.spec.policy.price?.currency ?? ''}`);
  const { finalManifestUri = null, leftoverReportUri = null } = end ?? {};
  if (finalManifestUri !== null) lines.push('', `Final manifest: ${finalManifestUri}`);
  if (leftoverReportUri !== null) lines.push('', `Leftover report: ${leftoverReportUri}`);
  if (attention === null) lines.push('', 'What you can do:', '', ...freeActions(state).map(actionLine));
  return lines.join('\n');
};
