/** Signs of life of long activities. */
import { Context } from '@temporalio/activity';

/** Tells Temporal that a long stream is alive; the SDK throttles what is sent. */
export const beat = (): void => {
  try {
    Context.current().heartbeat();
  } catch {
    // Outside an activity (a benchmark, a test of the function alone) there is nobody to tell.
  }
};
