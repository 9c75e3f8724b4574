"""The study's web server: participants' pages by personal links, and the administrator's page."""

import asyncio
import socket
import time
from pathlib import Path
from urllib.parse import parse_qs

import uvicorn
from jinja2 import Environment, PackageLoader, StrictUndefined
from pydantic import Field, ValidationError
from sqlalchemy.exc import OperationalError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
)
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.errors import UserError
from pipeline.schema import StrictConfig
from pipeline.study.definition import Study, picture_path
from pipeline.study.order import Presentation
from pipeline.study.password import is_password, sign, signed_text
from pipeline.study.store import Answer, Answers, Participant

_AHEAD = 3  # screens whose pictures the browser fetches before they are shown
_MAX_BODY = 4096
_MAX_ADDED = 1000  # participants at once
_SESSION = 12 * 3600  # seconds until the administrator's password is asked for again
_COOKIE = "study_admin"

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; img-src 'self'; script-src 'self'; style-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",  # the address of a page is its key
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}


class _AnswerBody(StrictConfig):
    """What the participant's page sends."""

    value: int
    milliseconds: int = Field(ge=0, le=2**31 - 1)
    pixel_ratio: float = Field(gt=0, le=100)
    viewport: str = Field(pattern=r"^\d{1,5}x\d{1,5}$")


class StudyPages:
    """Every page of one study."""

    def __init__(self, folder: Path, study: Study, answers: Answers) -> None:
        self._folder = folder
        self._study = study
        self._answers = answers
        self._files = {stimulus.file for stimulus in study.stimuli}
        self._logging_in = asyncio.Lock()
        self._templates = Environment(
            loader=PackageLoader("pipeline.study", "templates"),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=StrictUndefined,
        )

    def app(self) -> ASGIApp:
        """The application, for any ASGI server."""
        routes = [
            Route("/", self.front),
            Route("/health", self.health),
            Route("/s/{token}", self.participant_page),
            Route("/s/{token}/state", self.state),
            Route("/s/{token}/answers/{position:int}", self.answer, methods=["POST"]),
            Route("/s/{token}/pictures/{file}", self.picture),
            Route("/admin", self.admin),
            Route("/admin/login", self.log_in, methods=["POST"]),
            Route("/admin/logout", self.log_out, methods=["POST"]),
            Route("/admin/participants", self.add_participants, methods=["POST"]),
            Route("/admin/links.csv", self.links),
            Mount("/static", StaticFiles(packages=[("pipeline.study", "static")])),
        ]
        handlers = {OperationalError: _database_is_away, HTTPException: self.problem}
        return _with_headers(Starlette(routes=routes, exception_handlers=handlers))  # type: ignore[arg-type]

    # Participants

    def front(self, request: Request) -> Response:
        """Who comes without a link."""
        return self._message("Please use the personal link that you were given.")

    def health(self, request: Request) -> Response:
        """Whether the server and its database work."""
        self._answers.password_hash()
        return PlainTextResponse("ok")

    def participant_page(self, request: Request) -> Response:
        """The page that shows everything; what is shown comes from `state`."""
        self._who(request)
        return self._page("study.html", texts=self._study.texts, kind=self._study.kind)

    def state(self, request: Request) -> Response:
        """Where the participant is."""
        return self._state(self._who(request))

    async def answer(self, request: Request) -> Response:
        """Take an answer, and say where the participant is now.

        A position that has an answer already keeps it: the page that asked simply goes on from
        where the participant is.
        """
        body = await _body(request)
        return await run_in_threadpool(self._take, request, body)

    def _take(self, request: Request, body: bytes) -> Response:
        who = self._who(request)
        try:
            given = _AnswerBody.model_validate_json(body)
        except ValidationError:
            raise HTTPException(400, "this is no answer") from None
        if not 1 <= given.value <= self._study.grades:
            raise HTTPException(400, f"an answer is one of 1 to {self._study.grades}")
        position = request.path_params["position"]
        if position >= who.total:
            raise HTTPException(404, "there is no such item")
        self._answers.take(who.id, position, Answer(**given.model_dump()))
        return self._state(self._who(request))

    def picture(self, request: Request) -> Response:
        """A picture of the study."""
        self._who(request)
        file = request.path_params["file"]
        if file not in self._files:
            raise HTTPException(404, "there is no such picture")
        caching = {"Cache-Control": "private, max-age=31536000, immutable"}
        return FileResponse(picture_path(self._folder, file), headers=caching)

    def _state(self, who: Participant) -> Response:
        screens = self._answers.presentations(who.id, who.answered, 1 + _AHEAD)
        shown = [self._pictures(who.token, screen) for screen in screens]
        return JSONResponse(
            {
                "position": who.answered,
                "total": who.total,
                "training": bool(screens) and screens[0].role == "training",
                "pictures": shown[0] if shown else None,
                "ahead": [picture["url"] for pictures in shown[1:] for picture in pictures],
            },
            headers={"Cache-Control": "no-store"},
        )

    def _pictures(self, token: str, screen: Presentation) -> list[dict[str, object]]:
        stimuli = [self._study.stimuli[i] for i in screen.item if i is not None]
        return [
            {"url": f"/s/{token}/pictures/{s.file}", "width": s.width, "height": s.height}
            for s in stimuli
        ]

    def _who(self, request: Request) -> Participant:
        who = self._answers.participant(request.path_params["token"])
        if who is None:
            raise HTTPException(404, "This link leads nowhere. Please check that it is complete.")
        return who

    # The administrator

    def admin(self, request: Request) -> Response:
        """Links and progress, or the login."""
        session = self._session(request)
        if session is None:
            return self._page("login.html", study=self._study, problem="")
        people = self._answers.participants()
        return self._page(
            "admin.html",
            study=self._study,
            people=people,
            base=str(request.base_url).rstrip("/"),
            token=self._form_token(session),
            answers=sum(person.answered for person in people),
            total=sum(person.total for person in people),
            finished=sum(person.answered == person.total for person in people),
        )

    async def log_in(self, request: Request) -> Response:
        """Check the password: one attempt at a time, a second's pause after a wrong one."""
        password = _field(await _body(request), "password")
        if self._logging_in.locked():
            raise HTTPException(429, "Somebody else is logging in. Please try again.")
        async with self._logging_in:
            stored = await run_in_threadpool(self._answers.password_hash) or ""
            if not await run_in_threadpool(is_password, password, stored):
                await asyncio.sleep(1)
                page = self._page("login.html", study=self._study, problem="Wrong password")
                page.status_code = 403
                return page
        response = RedirectResponse("/admin", 303)
        response.set_cookie(
            _COOKIE,
            sign(f"session {int(time.time()) + _SESSION}", stored),
            max_age=_SESSION,
            path="/admin",
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
        return response

    async def log_out(self, request: Request) -> Response:
        """Forget the cookie."""
        response = RedirectResponse("/admin", 303)
        response.delete_cookie(_COOKIE, path="/admin")
        return response

    async def add_participants(self, request: Request) -> Response:
        """Make more links."""
        body = await _body(request)
        session = await run_in_threadpool(self._session, request)
        if session is None or _field(body, "token") != self._form_token(session):
            raise HTTPException(403, "Please log in again.")
        count = _field(body, "count")
        if not (count.isascii() and count.isdigit() and 1 <= int(count) <= _MAX_ADDED):
            raise HTTPException(400, f"Give a number from 1 to {_MAX_ADDED}.")
        await run_in_threadpool(self._answers.add_participants, int(count))
        return RedirectResponse("/admin", 303)

    def links(self, request: Request) -> Response:
        """All links as CSV, for a mail merge."""
        if self._session(request) is None:
            return RedirectResponse("/admin", 303)
        base = str(request.base_url).rstrip("/")
        people = self._answers.participants()
        rows = [f"{p.number},{base}/s/{p.token},{p.answered},{p.total}" for p in people]
        text = "\n".join(["participant,link,answered,total", *rows, ""])
        headers = {"Content-Disposition": "attachment", "Cache-Control": "no-store"}
        return PlainTextResponse(text, headers=headers, media_type="text/csv")

    def _session(self, request: Request) -> str | None:
        """The cookie, if it is ours and not too old."""
        cookie = request.cookies.get(_COOKIE, "")
        text = signed_text(cookie, self._answers.password_hash() or "")
        return cookie if text and int(text.removeprefix("session ")) > time.time() else None

    def _form_token(self, session: str) -> str:
        """What a form of this session carries: pages of other sites do not know it."""
        return sign("form", session).removeprefix("form.")

    # All pages

    def problem(self, request: Request, error: HTTPException) -> Response:
        """An error, for programs or for people."""
        if "text/html" in request.headers.get("accept", ""):
            page = self._message(error.detail)
            page.status_code = error.status_code
            return page
        return JSONResponse({"error": error.detail}, error.status_code)

    def _message(self, text: str) -> Response:
        return self._page("message.html", texts=self._study.texts, text=text)

    def _page(self, template: str, **values: object) -> Response:
        text = self._templates.get_template(template).render(values)
        return HTMLResponse(text, headers={"Cache-Control": "no-store"})


def listen(host: str, port: int) -> socket.socket:
    """Open the socket to serve at.

    Raises:
        UserError: If the address is taken or is none of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((host, port))
    except OSError as error:
        opened.close()
        raise UserError(f"{host}, port {port}: cannot serve there ({error.strerror})") from None
    return opened


def make_server(app: ASGIApp) -> uvicorn.Server:
    """A server, to `run` with the sockets to serve at."""
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,  # its lines would hold the participants' links
        server_header=False,
        timeout_graceful_shutdown=5,  # seconds; Ctrl-C must not wait for a slow connection
    )
    return uvicorn.Server(config)


def _database_is_away(request: Request, error: Exception) -> Response:
    """The page keeps the answer and tries again."""
    return JSONResponse({"error": "the database does not answer"}, 503, {"Retry-After": "2"})


def _with_headers(app: ASGIApp) -> ASGIApp:
    """Add the headers of every answer; what says nothing of caching is asked for each time."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                headers.setdefault("Cache-Control", "no-cache")
            await send(message)

        await app(scope, receive, send_with_headers)

    return wrapped


async def _body(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _MAX_BODY:
            raise HTTPException(413, "too long")
    return body


def _field(body: bytes, name: str) -> str:
    """A field of a form."""
    return parse_qs(body.decode("utf-8", "replace")).get(name, [""])[0]
