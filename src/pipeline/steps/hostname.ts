// Host name of the machine, with what Proxmox VE keeps under it; never once it is in a cluster or has guests. Proven on a simulator of the
// shell alone.

import { type Static, Type } from 'typebox';
import type { PipelineStep, StepContext, Verdict } from '../seam.ts';
import { withHosts } from '../system/hosts-codec.ts';
import { few, impossible, planned, refusal } from '../system/verdicts.ts';

const Args = Type.Object({}, { additionalProperties: false });
type Args = Static<typeof Args>;

const PATH = '/etc/hostname';
const HOSTS = '/etc/hosts';

/** pmxcfs takes its directory from the name that it started with; certificates carry the name. */
const RENAME = `# sets the host name, and starts what keeps it anew
hostname -- "$1"
if [ -x /usr/bin/pvecm ]; then
  systemctl restart pve-cluster
  pvecm updatecerts --force
  systemctl restart pvedaemon pveproxy pvestatd
fi
printf '%s\\n' "$1" >/etc/.hostname.new
mv -f -- /etc/.hostname.new /etc/hostname`;

/** The guests and the cluster that hold the present name. */
const HELD = `# what the present name holds
if [ -e /etc/pve/corosync.conf ] || [ -e /etc/corosync/corosync.conf ]; then echo cluster; fi
for one in /etc/pve/nodes/*/qemu-server/*.conf /etc/pve/nodes/*/lxc/*.conf; do
  if [ -e "$one" ]; then basename -- "$one" .conf; fi
done`;

export const step: PipelineStep<Args> = {
  name: 'hostname',
  title: 'Host name',
  provenOn: 'simulator',
  args: Args,
  timeoutMs: 300_000,
  describe: () => 'the machine has the name of its node',
  check: look,
  apply: async (context) => {
    const { shell, node } = context;
    const verdict = await look(context);
    if (verdict.is === 'impossible') throw refusal(verdict);
    if (verdict.is === 'satisfied') return;
    const hosts = (await shell.readFile(HOSTS))?.toString() ?? '';
    const { text } = withHosts(hosts, [{ address: node.address, names: [...new Set([node.fqdn, node.name])] }]);
    // Before the name: pmxcfs does not start under a name that has no address.
    if (text !== hosts) await shell.writeFile(HOSTS, text, 0o644);
    // /etc/hostname is written last, when all that carries the name has it: until then check says needed.
    const { code, err } = await shell.script(RENAME, [node.name], { timeoutMs: 240_000 });
    if (code !== 0)
      throw refusal({
        reason: `the name was not set everywhere: ${err.trim().slice(-500)}`,
        hint: 'Look at systemctl status pve-cluster.',
      });
  },
};

async function look({ shell, node }: StepContext<Args>): Promise<Verdict> {
  const is = (await shell.must(['hostname'])).trim();
  const file = (await shell.readFile(PATH))?.toString().trim() ?? '';
  if (is === node.name && file === node.name) return planned([], node.name);
  const held = (await shell.script(HELD, [])).out.split('\n').filter((line) => line !== '');
  if (held.includes('cluster'))
    return impossible(
      `its name is ${is}, and shall be ${node.name}: a member of a cluster keeps its name`,
      `Rename the node here to ${is}, or install the machine anew under its new name.`,
    );
  if (held.length > 0)
    return impossible(
      `its name is ${is}, and shall be ${node.name}: its guests (${few(held)}) are kept under the old one`,
      `Move the guests away first, or rename the node here to ${is}.`,
    );
  return planned(
    [is === node.name ? `${PATH} says ${node.name} instead of ${file || 'nothing'}` : `host name ${is} becomes ${node.name}`],
    node.name,
  );
}
