"""Peers of one relay that must not notice its restarts."""

import time

from jm_peer import DN_HANDSHAKE, PEERLIST, PRIVMSG, PUBMSG, Peer
from tor_network import Problem


class Market:
    """Makers and takers on the relay's Unix socket, each with its own circuit."""

    def __init__(self, path, count=12):
        self.peers = [Peer(f"peer {number}") for number in range(count)]
        self.public, self.private = [], {peer.nick: [] for peer in self.peers}
        for number, peer in enumerate(self.peers):
            if not peer.connect_unix(path, 100 + number)["accepted"]:
                raise Problem(f"{peer.name} was rejected")

    def talk(self, text):
        """Sends a public line of the first peer, and a private line from each peer to the next."""
        self.peers[0].send_public(text)
        self.public.append(f"{self.peers[0].nick}!PUBLIC!{text}")
        for sender, receiver in zip(self.peers, self.peers[1:] + self.peers[:1]):
            sender.tell(receiver, text)
            self.private[receiver.nick].append(f"{sender.nick}!{receiver.nick}!{text}")

    def check(self, seconds=30):
        """Expects each line once and in order, and no close, second handshake or departure."""
        for number, peer in enumerate(self.peers):
            wanted = {PUBMSG: self.public if number > 0 else [], PRIVMSG: self.private[peer.nick]}
            deadline = time.monotonic() + seconds
            while True:
                with peer.changed:
                    seen = {
                        code: [line for kind, line in peer.received if kind == code]
                        for code in wanted
                    }
                    kinds = [kind for kind, _ in peer.received]
                    left = [
                        line for kind, line in peer.received if kind == PEERLIST and ";D" in line
                    ]
                if peer.closed_at:
                    raise Problem(f"{peer.name} was closed")
                if seen == wanted or time.monotonic() > deadline:
                    break
                time.sleep(0.02)
            if seen != wanted:
                raise Problem(f"{peer.name} has {seen}, wanted {wanted}")
            if kinds.count(DN_HANDSHAKE) != 1 or left:
                raise Problem(
                    f"{peer.name}: {kinds.count(DN_HANDSHAKE)} handshakes, departures {left}"
                )

    def leave(self):
        for peer in self.peers:
            peer.leave()
