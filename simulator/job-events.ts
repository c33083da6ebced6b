/** The events that Ground Truth sends to EventBridge about a job (guide: sms-monitor-cloud-watch), with their scripted faults. */
import type { JobEnvironment } from './job-environment.ts';
import type { WorkerAction } from './ledger.ts';
import type { BusEvent } from './ports.ts';
import { drawUuid } from './random.ts';
import type { JobStatus } from './requests.ts';
import type { JobRules } from './script.ts';

const DOCUMENTED_STATUSES: readonly JobStatus[] = ['Completed', 'Failed', 'Stopped'];

export class JobEvents {
  readonly #environment: JobEnvironment;
  readonly #job: { name: string; arn: string; workteamArn: string };
  readonly #rules: NonNullable<JobRules['events']>;
  #sent = 0;

  constructor(
    environment: JobEnvironment,
    job: { name: string; arn: string; workteamArn: string },
    rules: NonNullable<JobRules['events']>,
  ) {
    this.#environment = environment;
    this.#job = job;
    this.#rules = rules;
  }

  /** A status was reached. */
  statusChanged(status: JobStatus): void {
    if (!(this.#rules.statuses ?? DOCUMENTED_STATUSES).includes(status)) return;
    const { nowMs, agenda } = this.#environment;
    for (let copy = 0; copy <= (this.#rules.repeat ?? 0); copy++) {
      if (this.#rules.delay === undefined) this.#send(status, nowMs());
      else {
        const changedMs = nowMs();
        agenda.plan(changedMs + this.#rules.delay, () => this.#send(status, changedMs));
      }
    }
  }

  /** A worker did something. Sent only if the script asks for it: the payload's `State` values are not documented. */
  workerActed(action: WorkerAction): void {
    if (this.#rules.workers !== true) return;
    this.#environment.emit({
      ...this.#envelope('SageMaker Ground Truth Labeling Job Task Status Change', this.#environment.nowMs()),
      resources: [],
      detail: {
        State: action.replace(/^./, (first) => first.toUpperCase()),
        'labeling-job-arn': this.#job.arn,
        'workteam-team-arn': this.#job.workteamArn,
      },
    });
  }

  #send(status: JobStatus, changedMs: number): void {
    const { ledger, draw, nowMs } = this.#environment;
    const event: BusEvent = {
      ...this.#envelope('SageMaker Ground Truth Labeling Job State Change', changedMs),
      resources: [this.#job.arn],
      detail: { LabelingJobStatus: status },
    };
    const dropped = draw('drop', event.id) < (this.#rules.drop ?? 0);
    ledger.append({ kind: 'event', atMs: nowMs(), job: this.#job.name, status, eventId: event.id, dropped });
    if (!dropped) this.#environment.emit(event);
  }

  #envelope(detailType: string, atMs: number): Omit<BusEvent, 'resources' | 'detail'> {
    const { account, region, draw } = this.#environment;
    return {
      version: '0',
      id: drawUuid(draw, 'event', this.#job.name, this.#sent++),
      'detail-type': detailType,
      source: 'aws.sagemaker',
      account,
      time: new Date(atMs).toISOString().replace(/\.\d{3}Z$/, 'Z'),
      region,
    };
  }
}
