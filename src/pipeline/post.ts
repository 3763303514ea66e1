// HTTP from the appliance to other programs: one request, its status, nothing of its answer. Knows no steps.

import { fail } from './errors.ts';

export interface PostRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly signal: AbortSignal;
}

/** Resolves with what the other side said, whatever it is; rejects when it could not be asked. */
export type Post = (request: PostRequest) => Promise<{ readonly status: number }>;

/** That of Node; for tests another one. */
export type PostFetch = (
  url: string,
  init: { readonly method: 'POST'; readonly redirect: 'manual' } & Omit<PostRequest, 'url'>,
) => Promise<{ readonly status: number; readonly body: { cancel(): Promise<void> } | null }>;

const LIMIT_MS = 15_000;

/** Goes where the URL says and nowhere else: a signed message is not carried on to a place that somebody names. */
export function createPost(fetch: PostFetch): Post {
  return async ({ url, signal, ...rest }) => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)]);
    const response = await fetch(url, { method: 'POST', redirect: 'manual', signal: limit, ...rest });
    await response.body?.cancel();
    return { status: response.status };
  };
}

export const NO_POST: Post = () =>
  Promise.reject(
    fail('pipeline.impossible', {
      message: 'nothing is sent from here to other programs',
      hint: 'It was built without it: leave the step out.',
    }),
  );
