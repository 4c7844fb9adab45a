"""Cloudflare's API v4 as it is documented, as far as DNS records go, on loopback."""

import itertools
import json
import math
from collections.abc import Mapping

from aiohttp import web

Record = dict[str, object]


class FakeCloudflare:
    """Zones by name, TXT records, pages, error envelopes, token or key.

    `failure` is an HTTP status that every request then gets; `retry_after` goes with it.
    """

    def __init__(self, zones: Mapping[str, str], *, token: str, email: str, key: str) -> None:
        self.zones = dict(zones)
        self.records: dict[str, dict[str, Record]] = {number: {} for number in zones.values()}
        self.failure = 0
        self.retry_after = ""
        self.requests: list[str] = []
        self._login = (f"Bearer {token}", (email, key))
        self._numbers = itertools.count(1)
        self._runner: web.AppRunner | None = None

    async def start(self) -> str:
        """Listen; returns the base URL of the API."""
        app = web.Application(middlewares=[self._guard])
        app.router.add_get("/client/v4/zones", self._list_zones)
        app.router.add_get("/client/v4/zones/{zone}/dns_records", self._list_records)
        app.router.add_post("/client/v4/zones/{zone}/dns_records", self._create)
        app.router.add_delete("/client/v4/zones/{zone}/dns_records/{record}", self._delete)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}/client/v4"

    async def aclose(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def put(self, zone: str, name: str, content: str) -> str:
        """Add a TXT record as somebody else would."""
        number = f"r{next(self._numbers)}"
        record: Record = {"id": number, "type": "TXT", "name": name, "content": content, "ttl": 1}
        self.records[zone][number] = record
        return number

    @web.middleware
    async def _guard(self, request: web.Request, handler: object) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.path_qs}")
        if self.failure:
            headers = {"Retry-After": self.retry_after} if self.retry_after else {}
            return web.Response(status=self.failure, text="<html>sorry</html>", headers=headers)
        bearer, key = self._login
        sent = request.headers.get("X-Auth-Email", ""), request.headers.get("X-Auth-Key", "")
        if request.headers.get("Authorization") != bearer and sent != key:
            # a server that quotes what it was sent: the provider must not pass that on
            quoted = request.headers.get("Authorization", sent[1]).removeprefix("Bearer ")
            return refused(400, 9109, f"Invalid access token {quoted}")
        answer = await handler(request)  # type: ignore[operator]  # aiohttp's own type is private
        assert isinstance(answer, web.StreamResponse)
        return answer

    async def _list_zones(self, request: web.Request) -> web.Response:
        name = request.query.get("name", "")
        found = [{"id": self.zones[name], "name": name}] if name in self.zones else []
        return page_of(request, found)

    async def _list_records(self, request: web.Request) -> web.Response:
        zone = self.records.get(request.match_info["zone"])
        if zone is None:
            return refused(404, 7003, "Could not route to /zones/…, perhaps the id is invalid?")
        wanted = {key: request.query[key] for key in ("type", "name") if key in request.query}
        found = [
            record
            for record in zone.values()
            if all(record[key] == value for key, value in wanted.items())
        ]
        return page_of(request, found)

    async def _create(self, request: web.Request) -> web.Response:
        zone = request.match_info["zone"]
        sent = json.loads(await request.text())
        if any(
            (record["name"], record["content"]) == (sent["name"], sent["content"])
            for record in self.records[zone].values()
        ):
            return refused(400, 81058, "An identical record already exists.")
        number = self.put(zone, sent["name"], sent["content"])
        self.records[zone][number]["ttl"] = sent["ttl"]
        return fine(self.records[zone][number])

    async def _delete(self, request: web.Request) -> web.Response:
        number = request.match_info["record"]
        if self.records[request.match_info["zone"]].pop(number, None) is None:
            return refused(404, 81044, "Record does not exist.")
        return fine({"id": number})


def fine(result: object, **more: object) -> web.Response:
    return web.json_response(
        {"success": True, "errors": [], "messages": [], "result": result, **more}
    )


def refused(status: int, code: int, message: str) -> web.Response:
    errors = [{"code": code, "message": message}]
    return web.json_response(
        {"success": False, "errors": errors, "messages": [], "result": None}, status=status
    )


def page_of(request: web.Request, found: list[Record] | list[dict[str, str]]) -> web.Response:
    """One page; `per_page` is capped low, so that a few records already need several."""
    page, size = int(request.query.get("page", "1")), min(int(request.query.get("per_page", 20)), 3)
    pages = math.ceil(len(found) / size)
    info = {
        "page": page,
        "per_page": size,
        "count": len(found[(page - 1) * size : page * size]),
        "total_count": len(found),
        "total_pages": pages,
    }
    return fine(found[(page - 1) * size : page * size], result_info=info)
