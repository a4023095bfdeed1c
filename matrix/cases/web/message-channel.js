globalThis.MessageChannel = class MessageChannel {
  constructor() {
    const port = () => ({ onmessage: null, postMessage: () => {} })
    this.port1 = port()
    this.port2 = port()
    const connect = (from, to) => {
      from.postMessage = (data) => void Promise.resolve().then(() => to.onmessage?.({ data }))
    }
    connect(this.port1, this.port2)
    connect(this.port2, this.port1)
  }
}
