#!/usr/bin/env python3
"""An ExProto handler as people write them with grpcio: lines of text.

The first line of a device is its client id; every other one is published on
`ID/up` and sent back in capitals. What is published on `ID/down` is sent to it.
"""

import sys
import threading
from concurrent import futures

import grpc

import exproto_pb2 as pb
import exproto_pb2_grpc as services


class Handler:
    def __init__(self, adapter, unary):
        self.adapter = services.ConnectionAdapterStub(grpc.insecure_channel(adapter))
        self.unary = unary
        self.devices = {}
        self.lock = threading.Lock()

    def answer(self, requests, work):
        # The streaming service has the same requests in a stream.
        for request in [requests] if self.unary else requests:
            work(request)
        return pb.EmptySuccess()

    def OnSocketCreated(self, requests, context):
        def work(request):
            peer = request.conninfo.peername
            print("created", pb.SocketType.Name(request.conninfo.socktype), peer.host, flush=True)
            with self.lock:
                self.devices[request.conn] = [None, b""]

        return self.answer(requests, work)

    def OnReceivedBytes(self, requests, context):
        def work(request):
            device = self.devices[request.conn]
            *lines, device[1] = (device[1] + request.bytes).split(b"\n")
            for line in lines:
                self.line(request.conn, device, line)

        return self.answer(requests, work)

    def line(self, conn, device, line):
        if device[0] is None:
            name = line.decode()
            client = pb.ClientInfo(proto_name="lines", proto_ver="1", clientid=name)
            self.done(self.adapter.Authenticate(pb.AuthenticateRequest(conn=conn, clientinfo=client)))
            self.done(self.adapter.Subscribe(pb.SubscribeRequest(conn=conn, topic=name + "/down", qos=1)))
            device[0] = name
            reply = b"hello " + line
        else:
            topic = device[0] + "/up"
            self.done(self.adapter.Publish(pb.PublishRequest(conn=conn, topic=topic, qos=1, payload=line)))
            reply = line.upper()
        self.done(self.adapter.Send(pb.SendBytesRequest(conn=conn, bytes=reply + b"\n")))

    def OnReceivedMessages(self, requests, context):
        def work(request):
            for message in request.messages:
                self.done(self.adapter.Send(pb.SendBytesRequest(conn=request.conn, bytes=message.payload + b"\n")))

        return self.answer(requests, work)

    def OnTimerTimeout(self, requests, context):
        return self.answer(requests, lambda request: None)

    def OnSocketClosed(self, requests, context):
        def work(request):
            with self.lock:
                name, _ = self.devices.pop(request.conn)
            print("closed", name, request.reason, flush=True)
            gone = pb.RawPublishRequest(topic=name + "/gone", qos=1, payload=b"")
            self.done(self.adapter.RawPublish(gone))

        return self.answer(requests, work)

    @staticmethod
    def done(answer):
        if answer.code != pb.SUCCESS:
            raise RuntimeError(answer)


def main():
    address, adapter, service = sys.argv[1:]
    server = grpc.server(futures.ThreadPoolExecutor(10))
    unary = service == "ConnectionUnaryHandler"
    add = getattr(services, f"add_{service}Servicer_to_server")
    add(Handler(adapter, unary), server)
    if not server.add_insecure_port(address):
        sys.exit(f"cannot listen on {address}")
    server.start()
    server.wait_for_termination()


main()
