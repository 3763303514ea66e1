// The answer of one installation as its installer reads it: the plan that was agreed to, with the secrets put in at the last moment.

import type { AnswerWanted } from '../protocol/answers.ts';
import { fail } from '../protocol/errors.ts';
import { faultText, placed, type RenderedAnswer, renderAnswer } from '../render/index.ts';
import type { AnswerTarget, InstallPlan } from '../seam.ts';
import type { DeskParts } from './parts.ts';

type AnswerParts = Pick<DeskParts, 'installers' | 'rules' | 'rootPasswords' | 'applianceKey' | 'fingerprint'>;

export interface Answering {
  /** What the installer of this id understands; it never changes, and is asked for by every machine. */
  targetOf(installer: string): Promise<AnswerTarget>;
  /** Throws install.answer_faulty where the installer would refuse it. */
  render(wanted: Omit<AnswerWanted, 'uuid'>): Promise<string>;
}

const KEPT = 64;
/** Stand in for secrets that are not made yet, where only the form is looked at. */
export const SAMPLE = { base: 'https://192.0.2.1:6385', secrets: { hook: 'x'.repeat(43), firstBoot: 'x'.repeat(43) } } as const;

export function createAnswering(parts: AnswerParts): Answering {
  const targets = new Map<string, AnswerTarget>();
  // To read it is to parse a private key, which takes longer than all of an answer; it is the same for good.
  let line: string | undefined;
  const ownKey = async (): Promise<string> => (line ??= await parts.applianceKey());
  const targetOf = async (id: string): Promise<AnswerTarget> => {
    const known = targets.get(id);
    if (known !== undefined) return known;
    const { product, release } = await parts.installers.find(id);
    if (targets.size >= KEPT) targets.clear();
    targets.set(id, { product, release });
    return { product, release };
  };
  return {
    targetOf,
    async render({ nodeUuid, plan, secrets, base }) {
      const [target, password, key] = await Promise.all([targetOf(plan.installer), parts.rootPasswords.of(nodeUuid), ownKey()]);
      const rendered = renderAnswer({
        rules: parts.rules,
        plan,
        target,
        secrets: {
          rootPassword: password.clear.reveal(),
          rootPasswordHash: password.hashed,
          rootKeys: [key],
          fingerprint: parts.fingerprint,
          hook: { url: `${base}/install/done/${secrets.hook}`, token: secrets.hook },
          firstBoot: { url: `${base}/install/first-boot/${secrets.firstBoot}` },
        },
      });
      return textOf(rendered, plan);
    },
  };
}

function textOf({ text, faults }: RenderedAnswer, { profile }: InstallPlan): string {
  if (text !== null) return text;
  const words = placed(faults, new Map())
    .filter(({ severity }) => severity === 'error')
    .map(faultText);
  throw fail('install.refused', {
    message: `the installer would refuse the answer of profile ${profile}: ${words.join(' ')}`,
    hint: 'See it as it would be now: rackseed answer render --node NODE',
  });
}
