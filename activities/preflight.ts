/**
 * What is checked before anything is paid. Errors stop a start; warnings do so only with --strict; a check that the
 * worker may not make is reported as skipped, never as passed.
 */
import type { IAMClient } from '@aws-sdk/client-iam';
import { HeadBucketCommand, type S3Client } from '@aws-sdk/client-s3';
import { DescribeWorkteamCommand, type SageMakerClient } from '@aws-sdk/client-sagemaker';
import { accountOfArn, isLabelingJobName } from '../decisions/names.ts';
import { resume, type ResumeOptions } from '../decisions/resume.ts';
import type { Spec } from '../decisions/spec.ts';
import { ApplicationFailure } from '@temporalio/common';
import { messageOf } from '../errors.ts';
import { checkManifest, type ManifestCounts } from '../manifests/dataset.ts';
import { ownAttributes } from '../manifests/label-state.ts';
import { lostCategories, readCategories } from './assets.ts';
import { awsErrorName, isAbsent, isForbidden, isRefusal } from './aws-failures.ts';
import { SAMPLE_SIZE, checkCors, checkRole, checkSample, sourceRefOf } from './preflight-access.ts';
import type { AddFinding, CheckName, Finding } from './preflight-findings.ts';
import { chainFolder, readChainRecord } from './records.ts';
import { etagOf, objectSource, otherRegionOf, parseS3Uri } from './s3-objects.ts';

export type Preflight = {
  findings: Finding[];
  objects: ManifestCounts | null;
  /** The spec in the chain's record, as it was last amended; null where there is no record, or none was looked for. */
  recorded: Spec | null;
  /** The manifests of the chain in its record, those that are still to be added among them; absent from a worker that did not tell. */
  recordedManifests?: string[];
};

export type PreflightInput = {
  spec: Spec;
  /**
   * `start`, `adopt`: the name must be free; `resume`, `amend`: the record must exist; `record`: nothing else is looked at. What a resume goes on
   * with is the spec in the record.
   */
  purpose: 'start' | 'adopt' | 'resume' | 'amend' | 'record';
  /** Checked instead of the spec's manifest (amend --manifest, adopt --dataset). */
  manifestUri: string | null;
  /** With `resume` of a chain whose workflow is over: whether it could go on so. */
  resumeOptions?: ResumeOptions;
};

const isOwnTeam = (workteamArn: string): boolean => workteamArn.includes(':workteam/private-crowd/');

export const preflightActivities = ({
  s3,
  sagemaker,
  iam,
  regions,
  accounts,
}: {
  s3: (region: string) => S3Client;
  sagemaker: (region: string) => SageMakerClient;
  iam?: () => IAMClient;
  /** Where this worker may run jobs; empty: anywhere. */
  regions: readonly string[];
  accounts: readonly string[];
}) => ({
  checkSpec: async ({ spec, purpose, manifestUri, resumeOptions }: PreflightInput): Promise<Preflight> => {
    const findings: Finding[] = [];
    const add: AddFinding = (level, check, message) => void findings.push({ level, check, message });
    const mustBeFree = purpose === 'start' || purpose === 'adopt';
    const sample: string[] = [];
    let recorded: Spec | null = null;
    let recordedManifests: string[] = [];
    let objects: ManifestCounts | null = null;

    /**
     * Runs one check; an outage fails the activity and is tried again. A refusal of the check itself is a skip, but an error where the chain
     * has to read the same a moment later (`reads`: what; else null).
     */
    const check = async (name: CheckName, reads: string | null, run: () => Promise<void>): Promise<void> => {
      try {
        await run();
      } catch (thrown) {
        const denied = /accessdenied|forbidden|not authori/i.test(`${awsErrorName(thrown)} ${messageOf(thrown)}`);
        const refused = thrown instanceof ApplicationFailure ? thrown.nonRetryable === true : isRefusal(thrown);
        if (denied && reads === null) add('skipped', name, `not checked, the worker may not: ${messageOf(thrown)}`);
        else if (denied) {
          add(
            'error',
            name,
            `${reads}: the worker may not read it (${messageOf(thrown)}); its role needs s3:GetObject and s3:ListBucket there, and kms:Decrypt where it is encrypted`,
          );
        } else if (refused) add('error', name, messageOf(thrown));
        else throw thrown;
      }
    };

    if (regions.length > 0 && !regions.includes(spec.region)) {
      add(
        'error',
        'region',
        `job.HumanTaskConfig.WorkteamArn: is in ${spec.region}; this worker runs jobs in ${regions.join(', ')}`,
      );
    }
    if (accounts.length > 0 && !accounts.includes(spec.account)) {
      add(
        'error',
        'account',
        `job.RoleArn: is in the account ${spec.account}; this worker runs jobs in ${accounts.join(', ')}`,
      );
    }
    const teamAccount = accountOfArn(spec.job.HumanTaskConfig.WorkteamArn);
    if (isOwnTeam(spec.job.HumanTaskConfig.WorkteamArn) && teamAccount !== spec.account) {
      add(
        'error',
        'account',
        `job.HumanTaskConfig.WorkteamArn: is in the account ${teamAccount ?? '?'}, job.RoleArn in ${spec.account}; both must be the same`,
      );
    }
    if (findings.some((finding) => finding.level === 'error'))
      return { findings, objects, recorded, recordedManifests };

    const client = s3(spec.region);
    let bucketThere = true;
    await check('output-path', null, async () => {
      const { Bucket } = parseS3Uri(spec.job.OutputConfig.S3OutputPath);
      const isElsewhere = (region: string): void =>
        add(
          'error',
          'region',
          `job.OutputConfig.S3OutputPath: the bucket ${Bucket} is in ${region}, the work team in ${spec.region}; both must be the same`,
        );
      try {
        const { BucketRegion } = await client.send(new HeadBucketCommand({ Bucket }));
        if (BucketRegion === undefined || BucketRegion === spec.region)
          add('passed', 'output-path', `the bucket ${Bucket} is there`);
        else isElsewhere(BucketRegion);
      } catch (thrown) {
        const region = await otherRegionOf(client, thrown);
        if (region !== null) return isElsewhere(region);
        // A refused HEAD has no reason with it; the reading of the chain's folder that comes next has.
        if (isForbidden(thrown)) {
          return add(
            'skipped',
            'output-path',
            `not checked, the worker may not look at the bucket ${Bucket} as a whole`,
          );
        }
        if (!isAbsent(thrown)) throw thrown;
        bucketThere = false;
        add(
          'error',
          'output-path',
          `job.OutputConfig.S3OutputPath: the bucket ${Bucket} does not exist; create it in ${spec.region} or correct the path`,
        );
      }
    });
    if (bucketThere) {
      await check('chain-name', `the chain's folder ${chainFolder(spec)}`, async () => {
        const record = await readChainRecord(client, chainFolder(spec));
        recorded = record?.state.spec ?? null;
        recordedManifests = [...(record?.state.manifestUris ?? []), ...(record?.pending.manifestUris ?? [])];
        if (mustBeFree && record !== null) {
          add(
            'error',
            'chain-name',
            `the chain ${spec.chain} exists (its record is ${record.uri}); go on with it by: label-relay resume ${spec.chain}, or choose another name`,
          );
        }
        if (!mustBeFree && record === null) {
          add('error', 'chain-name', `there is no record of a chain ${spec.chain} under ${chainFolder(spec)}`);
        }
        if (record !== null && resumeOptions !== undefined) {
          const resumed = resume(record.state, resumeOptions, record.pending.manifestUris.length > 0, 'closed');
          if (resumed.kind === 'refused') add('error', 'resume', resumed.message);
        }
      });
    }
    if (purpose === 'record') return { findings, objects, recorded, recordedManifests };
    const { job }: Spec = purpose === 'resume' ? (recorded ?? spec) : spec;
    const source =
      manifestUri ??
      (purpose === 'start' ? (spec.job.InputConfig.DataSource.S3DataSource?.ManifestS3Uri ?? null) : null);
    if (source !== null) {
      await check('manifest', `the manifest ${source}`, async () => {
        const etag = await etagOf(client, source);
        if (etag === null) {
          add(
            'error',
            'manifest',
            `the manifest ${source} does not exist; check job.InputConfig.DataSource.S3DataSource.ManifestS3Uri`,
          );
          return;
        }
        const { counts, problems } = await checkManifest(
          objectSource(client, source, etag),
          ownAttributes(spec.job.LabelAttributeName),
          (line) => {
            const uri = sample.length < SAMPLE_SIZE ? sourceRefOf(line) : null;
            if (uri !== null) sample.push(uri);
          },
        );
        for (const { line, problem } of problems.list.slice(0, 20))
          add('error', 'manifest', `${source}, line ${line}: ${problem}`);
        if (problems.total > 20)
          add('error', 'manifest', `${source}: ${problems.total - 20} more lines cannot be used`);
        if (problems.total === 0) {
          objects = counts;
          add('passed', 'manifest', `${counts.total} objects, ${counts.labeled} of them labeled already`);
        }
      });
    }
    for (const [name, path, uri] of [
      ['ui-template', 'job.HumanTaskConfig.UiConfig.UiTemplateS3Uri', job.HumanTaskConfig.UiConfig.UiTemplateS3Uri],
      ['label-categories', 'job.LabelCategoryConfigS3Uri', job.LabelCategoryConfigS3Uri],
    ] as const) {
      if (uri === undefined) continue;
      await check(name, `${path}: ${uri}`, async () => {
        if ((await etagOf(client, uri)) === null)
          add('error', name, `${path}: ${uri} does not exist; upload it, or correct the path`);
        else add('passed', name, `${uri} is there`);
      });
    }
    await check('label-categories', null, async () => {
      const before = recorded?.job.LabelCategoryConfigS3Uri;
      const now = spec.job.LabelCategoryConfigS3Uri;
      if (purpose !== 'amend' || before === undefined || before === now) return;
      if (now === undefined) {
        add(
          'error',
          'label-categories',
          'job.LabelCategoryConfigS3Uri: cannot be taken away; give a file with the old categories',
        );
        return;
      }
      // Gone before it was copied: then there is nothing to compare with.
      const old = (await etagOf(client, before)) === null ? null : await readCategories(client, before);
      const next = await readCategories(client, now);
      const lost = old === null || next === null ? [] : lostCategories(old, next);
      if (next === null)
        add(
          'error',
          'label-categories',
          `job.LabelCategoryConfigS3Uri: ${now} is not a category file: { "labels": [{ "label": … }] }`,
        );
      if (lost.length > 0) {
        add(
          'error',
          'label-categories',
          `job.LabelCategoryConfigS3Uri: ${now} lacks the categories ${lost.join(', ')}, which labels have already; categories can only be added`,
        );
      }
    });
    const { WorkteamArn } = job.HumanTaskConfig;
    if (WorkteamArn.includes(':workteam/public-crowd/')) {
      add(
        'warning',
        'work-team',
        'the work team is public (Mechanical Turk): answers cost money at once, and data is seen by strangers',
      );
    } else if (isOwnTeam(WorkteamArn)) {
      await check('work-team', null, async () => {
        const WorkteamName = WorkteamArn.slice(WorkteamArn.lastIndexOf('/') + 1);
        try {
          await sagemaker(spec.region).send(new DescribeWorkteamCommand({ WorkteamName }));
          add('passed', 'work-team', `the work team ${WorkteamName} is there`);
        } catch (thrown) {
          if (!['ValidationException', 'ResourceNotFound'].includes(awsErrorName(thrown))) throw thrown;
          add(
            'error',
            'work-team',
            `job.HumanTaskConfig.WorkteamArn: there is no work team ${WorkteamName} in ${spec.region}; create it, or correct the ARN`,
          );
        }
      });
    }
    await checkSample(add, client, sample);
    await checkCors(add, client, sample);
    if (mustBeFree) await checkRole(add, iam?.() ?? null, spec);
    if (spec.policy.price === null)
      add('warning', 'price', 'policy.price is not set: no cost is computed and no cap on it holds');
    if (!isLabelingJobName(`${spec.chain}-xxxxx-001`))
      add('error', 'chain-name', `chain: ${spec.chain} makes no valid job name`);
    return { findings, objects, recorded, recordedManifests };
  },
});
