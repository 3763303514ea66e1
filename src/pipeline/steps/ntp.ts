// Time by chrony: which servers it asks, that it runs, and that the clock is synchronised. The files are proven on the real chronyd of Debian
// 13 (it reads them), the rest on a shim.

import { type Static, Type } from 'typebox';
import type { PipelineStep, StepContext, Verdict } from '../seam.ts';
import { isSynchronised, MAIN, OURS, sourcesOf, sourcesText, withoutSources } from '../system/chrony-codec.ts';
import { impossible, planned, refusal } from '../system/verdicts.ts';

const Args = Type.Object(
  {
    servers: Type.Array(Type.String({ pattern: '^[A-Za-z0-9:](?:[A-Za-z0-9.:-]*[A-Za-z0-9])?$', maxLength: 253 }), {
      description: "Time servers; empty: those of the system's own configuration.",
      maxItems: 16,
      default: [],
    }),
    only: Type.Boolean({ description: "With servers: nobody else is asked, not Debian's pool either.", default: true }),
    wait_seconds: Type.Integer({
      description: 'How long to wait for a synchronised clock; 0: not at all, and it is not asked for.',
      minimum: 0,
      maximum: 3600,
      default: 120,
    }),
  },
  { additionalProperties: false },
);
type Args = Static<typeof Args>;

interface Looked {
  readonly verdict: Verdict;
  readonly main: string | undefined;
  readonly ours: string | undefined;
}

export const step: PipelineStep<Args> = {
  name: 'ntp',
  title: 'Time servers',
  provenOn: 'shim',
  args: Args,
  timeoutMs: 3_900_000,
  describe: ({ servers }) => `its clock follows ${servers.length === 0 ? 'the time servers it has' : servers.join(', ')}`,
  check: async (context) => (await look(context)).verdict,
  apply: async (context) => {
    const { shell, args } = context;
    const looked = await look(context);
    if (looked.verdict.is === 'impossible') throw refusal(looked.verdict);
    if (looked.verdict.is === 'satisfied') return;
    // The running one is told last: a cut before leaves files that differ from what it asks, and its start tells when that was.
    if (looked.ours !== undefined) await shell.writeFile(OURS, looked.ours, 0o644);
    if (looked.main !== undefined) await shell.writeFile(MAIN, looked.main, 0o644);
    await shell.must(['systemctl', 'enable', '--quiet', 'chrony']);
    await shell.must(['systemctl', 'restart', 'chrony']);
    if (args.wait_seconds === 0) return;
    context.progress(0.5, `waiting up to ${args.wait_seconds} s for a synchronised clock`);
    const tries = Math.max(1, Math.ceil(args.wait_seconds / 5));
    const { code } = await shell.run(['chronyc', 'waitsync', String(tries), '0', '0', '5'], { timeoutMs: (args.wait_seconds + 60) * 1000 });
    if (code !== 0) throw refusal({ reason: `its clock is not synchronised after ${args.wait_seconds} s`, hint: HINT });
  },
};

const HINT = 'chronyc sources on the machine shows which servers answer: does UDP port 123 get through to them?';

async function look({ shell, args }: StepContext<Args>): Promise<Looked> {
  const none = { main: undefined, ours: undefined };
  const main = (await shell.readFile(MAIN))?.toString();
  if (main === undefined)
    return { ...none, verdict: impossible('chrony is not installed', 'Put it into the step packages, before this one.') };
  const ours = (await shell.readFile(OURS))?.toString() ?? '';
  const wanted = {
    ours: args.servers.length === 0 ? '' : sourcesText(args.servers),
    main: withoutSources(main, args.servers.length > 0 && args.only),
  };
  const isOldStart = (await shell.run(['find', MAIN, OURS, '-newer', '/run/chrony/chronyd.pid'])).out.trim() !== '';
  const tracking = await shell.run(['chronyc', '-c', 'tracking']);
  const isRunning = tracking.code === 0;
  const synchronised = isRunning && isSynchronised(tracking.out);
  const oursDiffer = ours !== wanted.ours;
  const plan = [
    ...(oursDiffer
      ? [`chrony asks ${args.servers.join(', ') || 'none of ours'} instead of ${sourcesOf(ours).join(', ') || 'none of ours'}`]
      : []),
    ...(main === wanted.main ? [] : [`${MAIN}: its own servers are ${args.servers.length > 0 && args.only ? 'taken out' : 'put back'}`]),
    ...(isRunning ? [] : ['chrony is started']),
    ...(isRunning && isOldStart && !oursDiffer && main === wanted.main ? ['chrony is started anew with its configuration of now'] : []),
    ...(synchronised || args.wait_seconds === 0 ? [] : [`it waits up to ${args.wait_seconds} s for a synchronised clock`]),
  ];
  return {
    main: main === wanted.main ? undefined : wanted.main,
    ours: oursDiffer ? wanted.ours : undefined,
    verdict: planned(plan, `${args.servers.join(', ') || 'the servers of its own configuration'}${synchronised ? ', synchronised' : ''}`),
  };
}
