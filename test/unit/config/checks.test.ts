import { describe, expect, it } from 'vitest';
import { formatProblem } from '../../../src/config/index.ts';
import { linesOf, load } from './load-text.ts';

const SUBNET = '[[dhcp.subnet]]\nsubnet = "10.0.0.0/24"\n';
const MAC = 'mac = "52:54:00:00:00:01"\n';
const PROFILE = '[[profile]]\nname = "pve"\nos = "proxmox"\nanswer_template = "zfs"\n';
const RULE = '[[rule]]\nname = "r"\nmatch = { serial = "A" }\nprofile = "pve"\n';

describe('refused together', () => {
  it.each([
    [
      'no HTTPS where others can reach',
      '[server]\ntls = false',
      'rackseed.toml:2: server.tls: false is for loopback only, and server.listen is "0.0.0.0:6385". Set listen = "127.0.0.1:6385", tls = true, or force_plain = true',
    ],
    [
      'no log-in where others can reach',
      '[auth]\nmode = "none"',
      'rackseed.toml:2: auth.mode: "none" is for loopback only, and server.listen is "0.0.0.0:6385". Set mode = "token", listen = "127.0.0.1:6385", or force_open = true',
    ],
    [
      'basic log-in without users',
      '[auth]\nmode = "basic"',
      'rackseed.toml:1: auth.htpasswd_file: missing; mode = "basic" needs a file of users and password hashes',
    ],
    [
      'a password in the store URL',
      '[store]\nurl = "postgres://u:p@h/d"',
      'rackseed.toml:2: store.url: holds a password. Take it out and refer to it: password = { file = "/etc/rackseed/store-password" } in [store]',
    ],
    [
      'a password among the parameters of the store URL',
      '[store]\nurl = "postgres://h/d?password=p"',
      'rackseed.toml:2: store.url: holds a password. Take it out',
    ],
    [
      'both HTTP listeners on one port',
      '[server]\nlisten = "10.0.0.1:80"\nboot_listen = "0.0.0.0:80"',
      'rackseed.toml:3: server.boot_listen: "0.0.0.0:80" is the same port as server.listen "10.0.0.1:80"; each listener needs its own',
    ],
    [
      'an nginx in front that machines are not sent to',
      '[server]\nboot_x_accel = "/files/"',
      'rackseed.toml:1: server.boot_url: missing; boot_x_accel needs it, so that machines are sent to the nginx and not past it',
    ],
    [
      'DHCP and proxyDHCP on one port',
      '[dhcp]\nmode = "proxy"\nproxy_port = 67',
      'rackseed.toml:3: dhcp.proxy_port: UDP port 67 is already used by dhcp.port; each needs its own',
    ],
    [
      'DHCP and TFTP on one port',
      '[dhcp]\nmode = "proxy"\n[tftp]\nlisten = "10.0.0.1:67"',
      'rackseed.toml:4: tftp.listen: UDP port 67 is already used by dhcp.port; each needs its own',
    ],
    [
      'full mode without a subnet',
      '[dhcp]\nmode = "full"',
      'rackseed.toml:2: dhcp.mode: "full" gives addresses and needs at least one [[dhcp.subnet]]; or set mode = "proxy"',
    ],
    ['an interface twice', '[dhcp]\ninterfaces = ["a", "a"]', 'rackseed.toml:2: dhcp.interfaces[1]: "a" is listed twice'],
    [
      'an address for a network',
      '[[dhcp.subnet]]\nsubnet = "10.0.0.7/24"',
      'rackseed.toml:2: dhcp.subnet[0].subnet: "10.0.0.7/24" is an address in a network. Did you mean "10.0.0.0/24"?',
    ],
    [
      'overlapping subnets',
      `${SUBNET}[[dhcp.subnet]]\nsubnet = "10.0.0.128/25"`,
      'rackseed.toml:4: dhcp.subnet[1].subnet: "10.0.0.128/25" overlaps dhcp.subnet[0] (line 1)',
    ],
    [
      'a router outside',
      `${SUBNET}router = "10.0.1.1"`,
      'rackseed.toml:3: dhcp.subnet[0].router: 10.0.1.1 is no host address of 10.0.0.0/24',
    ],
    [
      'the broadcast address as router',
      `${SUBNET}router = "10.0.0.255"`,
      'rackseed.toml:3: dhcp.subnet[0].router: 10.0.0.255 is no host address of 10.0.0.0/24',
    ],
    [
      'a range outside',
      `${SUBNET}ranges = ["10.0.0.200-10.0.1.10"]`,
      'rackseed.toml:3: dhcp.subnet[0].ranges[0]: "10.0.0.200-10.0.1.10" goes beyond the host addresses of 10.0.0.0/24',
    ],
    [
      'a range with the network address',
      `${SUBNET}ranges = ["10.0.0.0-10.0.0.10"]`,
      'rackseed.toml:3: dhcp.subnet[0].ranges[0]: "10.0.0.0-10.0.0.10" goes beyond the host addresses of 10.0.0.0/24',
    ],
    [
      'a range with the broadcast address',
      `${SUBNET}ranges = ["10.0.0.9-10.0.0.255"]`,
      'rackseed.toml:3: dhcp.subnet[0].ranges[0]: "10.0.0.9-10.0.0.255" goes beyond the host addresses of 10.0.0.0/24',
    ],
    [
      'a backward range',
      `${SUBNET}ranges = ["10.0.0.9-10.0.0.5"]`,
      'rackseed.toml:3: dhcp.subnet[0].ranges[0]: expected first and last address such as "10.0.0.100-10.0.0.200", got "10.0.0.9-10.0.0.5"',
    ],
    [
      'a range with the router',
      `${SUBNET}router = "10.0.0.5"\nranges = ["10.0.0.5-10.0.0.9"]`,
      'rackseed.toml:4: dhcp.subnet[0].ranges[0]: "10.0.0.5-10.0.0.9" contains the router 10.0.0.5, which would be given to a machine',
    ],
    [
      'overlapping ranges',
      `${SUBNET}ranges = ["10.0.0.5-10.0.0.9", "10.0.0.9-10.0.0.20"]`,
      'rackseed.toml:3: dhcp.subnet[0].ranges[1]: "10.0.0.9-10.0.0.20" overlaps the range 10.0.0.5-10.0.0.9 of the same subnet',
    ],
    [
      'a reservation outside',
      `${SUBNET}[[dhcp.reservation]]\n${MAC}address = "10.0.1.1"`,
      'rackseed.toml:5: dhcp.reservation[0].address: 10.0.1.1 is no host address of any [[dhcp.subnet]]',
    ],
    [
      'a reservation of the broadcast address',
      `${SUBNET}[[dhcp.reservation]]\n${MAC}address = "10.0.0.255"`,
      'rackseed.toml:5: dhcp.reservation[0].address: 10.0.0.255 is no host address of any [[dhcp.subnet]]',
    ],
    [
      'a reservation of the router',
      `${SUBNET}router = "10.0.0.1"\n[[dhcp.reservation]]\n${MAC}address = "10.0.0.1"`,
      'rackseed.toml:6: dhcp.reservation[0].address: 10.0.0.1 is the router of 10.0.0.0/24',
    ],
    [
      'an address reserved twice',
      `${SUBNET}[[dhcp.reservation]]\n${MAC}address = "10.0.0.9"\n[[dhcp.reservation]]\nmac = "52:54:00:00:00:02"\naddress = "10.0.0.9"`,
      'rackseed.toml:8: dhcp.reservation[1].address: 10.0.0.9 is already given by dhcp.reservation[0] (line 3)',
    ],
    [
      'a machine named twice in two spellings',
      `${SUBNET}[[dhcp.reservation]]\n${MAC}address = "10.0.0.8"\n[[dhcp.reservation]]\nmac = "52-54-00-00-00-01"\naddress = "10.0.0.9"`,
      'rackseed.toml:7: dhcp.reservation[1].mac: 52:54:00:00:00:01 is already named by dhcp.reservation[0] (line 3)',
    ],
    [
      'a reservation for nobody',
      `${SUBNET}[[dhcp.reservation]]\naddress = "10.0.0.9"`,
      'rackseed.toml:3: dhcp.reservation[0]: expected exactly one of mac, uuid, client_id, got none',
    ],
    [
      'a reservation by two names',
      `${SUBNET}[[dhcp.reservation]]\n${MAC}client_id = "01ff"\naddress = "10.0.0.9"`,
      'rackseed.toml:3: dhcp.reservation[0]: expected exactly one of mac, uuid, client_id, got mac and client_id',
    ],
    [
      'two profiles of one name',
      `${PROFILE}${PROFILE}`,
      'rackseed.toml:6: profile[1].name: the name "pve" is already taken by profile[0] (line 1)',
    ],
    [
      'two rules of one name',
      `${PROFILE}${RULE}${RULE}`,
      'rackseed.toml:10: rule[1].name: the name "r" is already taken by rule[0] (line 5)',
    ],
    [
      'two clusters of one name',
      '[[cluster]]\nname = "a"\n[[cluster]]\nname = "a"',
      'rackseed.toml:4: cluster[1].name: the name "a" is already taken by cluster[0] (line 1)',
    ],
    [
      'a rule without its profile',
      RULE,
      'rackseed.toml:4: rule[0].profile: no [[profile]] is named "pve"; expected a [[profile]] with that name; there is none yet',
    ],
    [
      'a rule with a misspelt profile',
      `${PROFILE}${RULE.replace('"pve"', '"pvee"')}`,
      'rackseed.toml:8: rule[0].profile: no [[profile]] is named "pvee". Did you mean "pve"?',
    ],
    [
      'a profile without its cluster',
      `${PROFILE}cluster = "hom"\n[[cluster]]\nname = "home"`,
      'rackseed.toml:5: profile[0].cluster: no [[cluster]] is named "hom". Did you mean "home"?',
    ],
    [
      'a rule that matches by nothing',
      `${PROFILE}${RULE.replace('{ serial = "A" }', '{}')}`,
      'rackseed.toml:7: rule[0].match: expected a table with at least one of manufacturer',
    ],
    [
      'an unknown placeholder',
      `${PROFILE}${RULE}name_pattern = "a{seral}"`,
      'rackseed.toml:9: rule[0].name_pattern: {seral} is not known; expected one of {n}, {serial}, {mac}, {product}, {lldp_port}. Did you mean "serial"?',
    ],
    [
      'a name pattern that is no host name',
      `${PROFILE}${RULE}name_pattern = "a_{n}"`,
      'rackseed.toml:9: rule[0].name_pattern: "a_{n}" is no host name: outside of braces only letters, digits and "-"',
    ],
    [
      'one name for all machines',
      `${PROFILE}${RULE}name_pattern = "node"`,
      'rackseed.toml:9: rule[0].name_pattern: "node" would give every machine the same name; add {n}',
    ],
    [
      'an image profile without image',
      '[[profile]]\nname = "a"\nos = "image"',
      'rackseed.toml:1: profile[0].image: missing; os = "image" needs an image',
    ],
    [
      'answers without an installer',
      '[[profile]]\nname = "a"\nos = "image"\nimage = "/srv/x.raw"\nanswer_template = "y"',
      'rackseed.toml:5: profile[0].answer_template: is for os = "proxmox"; a disk image has no installer to answer',
    ],
    [
      'a model without a name',
      '[[boot.model]]\nown_disk = "exit"',
      'rackseed.toml:1: boot.model[0]: names no machine; for all of them there is boot.own_disk',
    ],
    [
      'half a token',
      '[[cluster]]\nname = "a"\napi_token_id = "root@pam!x"',
      'rackseed.toml:1: cluster[0].api_token: missing; a token has two parts: api_token_id and api_token',
    ],
  ])('%s', async (_, text, line) => {
    const lines = await linesOf(text);
    expect(lines).toHaveLength(1);
    expect(lines[0]?.slice(0, line.length)).toBe(line);
  });
});

describe('accepted together', () => {
  it.each([
    ['no HTTPS on loopback', '[server]\nlisten = "127.0.0.1:6385"\ntls = false'],
    ['no HTTPS on IPv6 loopback', '[server]\nlisten = "[::1]:6385"\ntls = false'],
    ['no log-in on loopback', '[server]\nlisten = "localhost:6385"\n[auth]\nmode = "none"'],
    ['one port on two addresses', '[server]\nlisten = "10.0.0.1:80"\nboot_listen = "10.0.0.2:80"'],
    ['any free port twice', '[server]\nlisten = "127.0.0.1:0"\nboot_listen = "127.0.0.1:0"'],
    ['equal UDP ports while nothing answers', '[dhcp]\nport = 4011'],
    [
      'full mode by reservations only',
      `[dhcp]\nmode = "full"\ninterfaces = ["a"]\n${SUBNET}[[dhcp.reservation]]\n${MAC}address = "10.0.0.9"`,
    ],
    ['a reservation inside a range', `${SUBNET}ranges = ["10.0.0.5-10.0.0.9"]\n[[dhcp.reservation]]\n${MAC}address = "10.0.0.9"`],
    ['ranges side by side', `${SUBNET}ranges = ["10.0.0.5-10.0.0.9", "10.0.0.10", "10.0.0.11 - 10.0.0.12"]`],
    [
      'the largest and the smallest subnet',
      '[[dhcp.subnet]]\nsubnet = "10.0.0.0/8"\nranges = ["10.0.0.1-10.255.255.254"]\n[[dhcp.subnet]]\nsubnet = "192.168.0.252/30"\nranges = ["192.168.0.253-192.168.0.254"]',
    ],
    ['a subnet at the end of all addresses', '[[dhcp.subnet]]\nsubnet = "255.255.255.0/24"\nranges = ["255.255.255.1-255.255.255.254"]'],
    [
      'a rule, its profile and its cluster in any order',
      `${RULE}name_pattern = "pve-{serial}"\n${PROFILE}cluster = "home"\n[[cluster]]\nname = "home"`,
    ],
  ])('%s', async (_, text) => {
    expect((await load(text)).warnings).toEqual([]);
  });

  it.each([
    [
      'forced plain HTTP',
      '[server]\ntls = false\nforce_plain = true',
      'rackseed.toml:2: server.tls: passwords and tokens cross the network in clear: tls = false on 0.0.0.0:6385',
    ],
    [
      'a forced open API',
      '[auth]\nmode = "none"\nforce_open = true',
      'rackseed.toml:2: auth.mode: whoever reaches 0.0.0.0:6385 may wipe machines: auth.mode is "none"',
    ],
    [
      'all interfaces',
      '[dhcp]\nmode = "proxy"',
      'rackseed.toml:1: dhcp.interfaces: is empty: DHCP is answered on all interfaces. Name the one of the provisioning network',
    ],
    [
      'subnets that a proxy does not use',
      `[dhcp]\nmode = "proxy"\ninterfaces = ["a"]\n${SUBNET}`,
      'rackseed.toml:4: dhcp.subnet: is not used: mode = "proxy" gives no addresses',
    ],
    ['a password for SQLite', '[store]\npassword = { env = "A" }', 'rackseed.toml:2: store.password: is not used: SQLite has no password'],
    [
      'a rule that would wipe anything',
      `${PROFILE}${RULE.replace('serial = "A"', 'min_disks = 1, product = "*"')}auto_approve = true`,
      'rackseed.toml:9: rule[0].auto_approve: says yes to wiping any machine of that size: name a manufacturer, serial, MAC or switch in match',
    ],
  ])('%s, with a word about it', async (_, text, line) => {
    expect((await load(text)).warnings.map(formatProblem)).toEqual([line]);
  });
});
