import type { Link } from '../core/netlink/link.js'

/** Only a veth can be swapped: anything else has no peer whose index could be kept. */
export class NotVethError extends Error {
  override readonly name = 'NotVethError'
  constructor(link: Link) {
    super(
      `interface ${link.name} is of kind "${link.kind || 'none'}", only veth can be intercepted`,
    )
  }
}

export class NoSuchInterfaceError extends Error {
  override readonly name = 'NoSuchInterfaceError'
  constructor(ifName: string, netns: string) {
    super(`there is no interface ${ifName} in ${netns}: is vethwall after the primary plugin?`)
  }
}
