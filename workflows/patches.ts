/**
 * Every change of the workflows that histories begun before it must not see, with its reason and the version that brought it. The only
 * file that knows Temporal's `patched` (a test holds it): a step that is new stands behind `isPatched('its-id')`. An id is taken
 * out, by `deprecatePatch` first, when no open history lacks it.
 */
import { patched } from '@temporalio/workflow';

/** By id: since which version, and why. */
export const PATCHES: Readonly<Record<string, { since: string; why: string }>> = {
  'no-look-right-after-a-merge': {
    since: '0.1.0',
    why: 'a merge looks at the outputs of all jobs itself; a second look right after it only delayed the next job',
  },
  'input-and-record-in-one-turn': {
    since: '0.1.0',
    why: 'one activity writes both: a turn fewer before the next job, and no job may exist before its record does',
  },
  'zeros-doubted-though-cancelled': {
    since: '0.1.0',
    why: 'a cancelled chain takes its late look at once, so counters that say nothing must not end its wait for labels',
  },
  'news-before-the-last-look': {
    since: '0.1.0',
    why: 'a cancelled chain stays open until its news is delivered: what AWS publishes meanwhile is in its final manifest',
  },
  'a-refused-late-look-is-none': {
    since: '0.1.0',
    why: 'a cancelled chain closed after one late look, also where S3 had refused that look',
  },
  'cancelled-while-the-record-is-read': {
    since: '0.1.0',
    why: 'the state that was read took the place of the one that held the stop, and a job was created after a cancel',
  },
  'resumed-after-a-cancel-in-a-new-run': {
    since: '0.1.0',
    why: 'a run is cancelled once: a chain that was resumed in the run that was cancelled could not be cancelled again',
  },
  'a-resume-of-an-ended-chain-answers-all': {
    since: '0.1.0',
    why: 'a question from before the end was asked again after it, so that a resume was accepted and did nothing',
  },
  'a-stop-finds-out-that-nobody-follows': {
    since: '0.1.0',
    why: 'a stop for a job whose follower was lost waited for the next check, up to six hours',
  },
  'jobs-without-counters-are-asked-for': {
    since: '0.1.0',
    why: 'a stop ended the doubt about counters of zero, and a resume sent the objects again whose labels came later',
  },
  'a-question-put-back-is-asked-anew': {
    since: '0.1.0',
    why: 'after S3 was mended the question before stood again, while the chain waited for the answer about S3',
  },
  'a-job-that-is-found-is-told-to-its-chain': {
    since: '0.1.0',
    why: 'a follower that found its job there told nobody of it, so a resumed chain showed it as Deciding until its status changed',
  },
  'a-stop-before-the-create-looks-for-the-job': {
    since: '0.1.0',
    why: 'a reset of a job that was stopped repeated the stop first, and the job that was there was taken for one that never was',
  },
  'labels-awaited-after-a-stop': {
    since: '0.1.0',
    why: 'a stop ended the question about missing labels, and the resume after it sent their objects again without asking',
  },
  'the-end-is-in-the-memo': {
    since: '0.1.0',
    why: 'an ended chain that waits for its late look was listed as running where no worker answered, and each was asked',
  },
  'a-late-end-is-told': {
    since: '0.1.0',
    why: 'whoever was told of the end kept a final manifest without the labels that the late look found',
  },
  'a-limit-is-asked-about-anew-after-s3-was-mended': {
    since: '0.1.0',
    why: 'a resume was refused that S3 was waited for with, since a limit was reached before, or had to be given twice',
  },
  'further-manifests-are-in-the-memo': {
    since: '0.1.0',
    why: 'a second chain was started on a manifest that an open one was given by amend, and its labels were paid twice',
  },
  'an-amend-run-only-amends': {
    since: '0.1.0',
    why: 'a resume or stop that was given while an ended chain was amended was accepted and lost',
  },
  'a-stop-again-tries-again': {
    since: '0.1.0',
    why: 'a chain that was to stop and that S3 refused waited up to six hours after S3 was mended, whatever a person did',
  },
  'a-stop-does-not-wait-for-a-look': {
    since: '0.1.0',
    why: 'a stop waited for as long as Describe had no answer or was refused to a new follower, and the job went on to be paid',
  },
  'a-stop-does-not-wait-for-the-record': {
    since: '0.1.0',
    why: 'a stop was accepted and did not reach the job as long as S3 did not take the record of an amendment before it',
  },
  'resumed-after-the-end-of-a-cancelled-run': {
    since: '0.1.0',
    why: 'an ended chain that still told of its end was resumed in the run that was cancelled, and could not be cancelled again',
  },
  'a-stop-before-any-look-is-dated-by-the-first': {
    since: '0.1.0',
    why: 'a stop that was refused before the job was seen counted from 1970, and a person was told that it is not confirmed',
  },
  'trouble-that-stays-is-told-again': {
    since: '0.1.0',
    why: 'a resume took trouble with a live job from view that stayed, and nobody was told of it any more',
  },
  'a-resume-ends-the-wait-for-s3': {
    since: '0.1.0',
    why: 'an ended chain that S3 had refused was resumed after S3 was mended, and waited up to six hours before it went on',
  },
  'a-job-that-was-never-seen-may-have-an-output': {
    since: '0.1.0',
    why: 'a job that AWS created and never showed was written off, and its objects were sent again whose labels lay there',
  },
  'an-adopted-job-is-gone-after-several-looks': {
    since: '0.1.0',
    why: 'one Describe that was behind made an adopted job gone, and a resume started another beside it',
  },
  'objects-set-aside-after-the-end-are-told': {
    since: '0.1.0',
    why: 'nobody heard of objects that the late look after the end set aside',
  },
  'what-was-seen-before-answers-no-question': {
    since: '0.1.0',
    why: 'a chain that attached to a follower took the question back that nobody can see the job, and asked it anew',
  },
  'a-stop-looks-longer-for-a-job-that-may-exist': {
    since: '0.1.0',
    why: 'a stopped chain called a live job never created because Describe was behind for a second, and nobody followed it',
  },
  'a-stop-is-sent-again-to-a-job-that-nobody-may-see': {
    since: '0.1.0',
    why: 'a stop that AWS refused was not sent again while AWS also refused Describe, and workers were paid for all of the job',
  },
  'some-amendments-are-refused': {
    since: '0.1.0',
    why: 'of two amendments made from one spec the later undid the earlier, and a manifest wedged a streaming chain',
  },
};

/** Whether this history has the change. @throws for an id that is not in the list: the workflow task fails, and no command is taken. */
export const isPatched = (id: string): boolean => {
  if (!Object.hasOwn(PATCHES, id)) throw new Error(`the patch ${id} is not in the list`);
  return patched(id);
};
