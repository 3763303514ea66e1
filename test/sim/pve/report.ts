// The part of a member's system report that holds its network, in the form of iproute2 6.x as Proxmox VE 8 and 9 print it.

export interface SimCard {
  readonly name: string;
  readonly mac: string;
  /** What the bond has given it to wear. */
  readonly bondMac?: string;
}

/** `hasBuses`: iproute2 before 5.14 (Proxmox VE 7) does not say on which bus a card sits. */
export function reportOf(name: string, cards: readonly SimCard[], hasBuses = true): string {
  const links = cards.map(({ name: card, mac, bondMac }, at) => {
    const worn = bondMac === undefined ? mac : `${bondMac} brd ff:ff:ff:ff:ff:ff permaddr ${mac}`;
    const bus = hasBuses ? ` parentbus pci parentdev 0000:0${at + 1}:00.0` : '';
    return `${at + 2}: ${card}: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc mq master vmbr0 state UP group default qlen 1000
    link/ether ${worn} promiscuity 1 allmulti 1 minmtu 68 maxmtu 9216
    bridge_slave state forwarding priority 32 cost 5 numtxqueues 4 gso_max_size 65536${bus}
    altname enp${at + 1}s0`;
  });
  return `
==== general system info ====

# hostname
${name}

==== info about network ====

# ip -details -statistics address
1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00 promiscuity 0
    inet 127.0.0.1/8 scope host lo
${links.join('\n')}
20: vmbr0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000
    link/ether ${cards[0]?.bondMac ?? cards[0]?.mac ?? '00:00:00:00:00:00'} brd ff:ff:ff:ff:ff:ff promiscuity 0
    bridge forward_delay 0 hello_time 200 max_age 2000
    inet 192.0.2.11/24 scope global vmbr0
21: tap100i0: <BROADCAST,MULTICAST,PROMISC,UP,LOWER_UP> mtu 1500 qdisc fq_codel master fwbr100i0 state UNKNOWN
    link/ether 6e:55:aa:bb:cc:dd brd ff:ff:ff:ff:ff:ff promiscuity 2
    tun type tap pi off vnet_hdr on persist off

# ip -details -4 route show
unicast default via 192.0.2.1 dev vmbr0 proto kernel scope global onlink

# cat /etc/network/interfaces
iface ${cards[0]?.name ?? 'eth0'} inet manual

==== info about bios ====

# dmidecode -t bios
BIOS Information
	Vendor: SeaBIOS
`;
}
