"""What people do with data sets: create, describe, register versions, set checks, archive."""

import io
import json
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from portal.accounts import access
from portal.accounts.acting import carry_out, see_other
from portal.accounts.permissions import Permission
from portal.accounts.web import PortalRequest, signed_in
from registry import forms
from registry.datasets.checks import rules_in_words
from registry.datasets.suggest import suggested
from registry.datasets.uploads import PIECE
from registry.models import DataSet
from registry.services import datasets, sources, uploads


def page_url(name: str, number: int | None = None) -> str:
    if number is None:
        return reverse("registry:data_set", args=[name])
    return reverse("registry:data_version", args=[name, number])


def _registrable(request: PortalRequest, name: str) -> DataSet:
    row = datasets.find(actor=request.actor, name=name)
    access.require(request.actor, Permission.DATA_REGISTER, row.team_id)
    return row


def _sent(request: PortalRequest) -> tuple[Any, Any]:
    """What a form is bound to: fields and files of a POST, however empty; nothing before it was sent."""
    return (request.POST, request.FILES) if request.method == "POST" else (None, None)


@require_http_methods(["GET", "POST"])
@signed_in
def new(request: PortalRequest) -> HttpResponse:
    access.may_somewhere(request.actor, Permission.DATA_REGISTER).require()
    form = forms.DataSetForm(_sent(request)[0], actor=request.actor)

    def act() -> str:
        found = form.cleaned_data
        described = {name: found[name] for name in ("description", "licence", "retention_days")}
        row = datasets.create(actor=request.actor, name=found["name"], team=found["team"].slug, **described)
        return page_url(row.name)

    done = carry_out(request, form, act) if request.method == "POST" else None
    return done or render(request, "registry/data_set_new.html", {"form": form}, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@signed_in
def edit(request: PortalRequest, name: str) -> HttpResponse:
    row = _registrable(request, name)
    now = {column: getattr(row, column) for column in ("description", "licence", "retention_days", "owner")}
    form = forms.DescribeForm(_sent(request)[0], initial=now)

    def act() -> str:
        found = form.cleaned_data
        described = {column: found[column] for column in ("description", "licence", "retention_days")}
        owner = found["owner"].pk if found["owner"] else None
        datasets.edit(actor=request.actor, name=name, owner_id=owner, **described)
        return page_url(name)

    done = carry_out(request, form, act) if request.method == "POST" else None
    context = {"form": form, "data_set": row}
    return done or render(request, "registry/data_set_edit.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@signed_in
def register(request: PortalRequest, name: str) -> HttpResponse:
    """A new version. A file that came with the form becomes an upload first, like one that script sent in pieces."""
    row = _registrable(request, name)
    initial = {"run": request.GET.get("run", ""), "input": request.GET.get("input", "")}
    initial |= {"source": "run"} if initial["run"] else {}
    form = forms.VersionForm(*_sent(request), initial=initial)

    def act() -> str:
        given = form.given()
        if given.keys() <= {"upload"} and form.cleaned_data["file"]:
            given["upload"] = _uploaded(request, name, form.cleaned_data["file"])
        source = sources.named(actor=request.actor, data_set=name, given=given)
        made = datasets.register_version(actor=request.actor, name=name, source=source, note=form.cleaned_data["note"])
        return page_url(name, made.number)

    done = carry_out(request, form, act) if request.method == "POST" else None
    context = {"form": form, "data_set": row, "piece": PIECE}
    return done or render(request, "registry/data_version_new.html", context, status=422 if form.errors else 200)


def _uploaded(request: PortalRequest, name: str, file: "UploadedFile[bytes]") -> str:
    """The key of the upload made of a file that was sent whole."""
    actor = request.actor
    made = uploads.begin(actor=actor, data_set=name, name=str(file.name), size=int(file.size or 0))
    for offset in range(0, made.size, PIECE):
        uploads.append(
            actor=actor, data_set=name, key=made.key, offset=offset, piece=io.BytesIO(bytes(file.read(PIECE)))
        )
    return made.key


@require_http_methods(["GET", "POST"])
@signed_in
def checks(request: PortalRequest, name: str) -> HttpResponse:
    """The next list of checks. Without one yet, the newest version's columns suggest a beginning."""
    row = _registrable(request, name)
    newest = row.check_lists.first()
    ready = row.versions.filter(status="ready").first()
    begun = newest.checks if newest else suggested(ready.profile) if ready else []
    form = forms.ChecksForm(_sent(request)[0], initial={"checks": _a_line_each(begun)})

    def act() -> str:
        found = form.cleaned_data
        datasets.set_checks(actor=request.actor, name=name, checks=found["checks"], why=found["why"])
        return page_url(name)

    done = carry_out(request, form, act) if request.method == "POST" else None
    context = {
        "form": form,
        "data_set": row,
        "rules": rules_in_words(),
        "from_profile": ready if begun and not newest else None,
    }
    return done or render(request, "registry/data_checks.html", context, status=422 if form.errors else 200)


def _a_line_each(found: list[Any]) -> str:
    lines = [f"  {json.dumps(check, ensure_ascii=False)}" for check in found]
    return "[\n" + ",\n".join(lines) + "\n]"


@require_http_methods(["GET", "POST"])
@signed_in
def archive(request: PortalRequest, name: str, number: int) -> HttpResponse:
    row = datasets.find_version(actor=request.actor, name=name, number=number)
    if request.method == "GET":
        return see_other(page_url(name, number))
    access.require(request.actor, Permission.DATA_REGISTER, row.data_set.team_id)
    form = forms.ArchiveForm(request.POST)

    def act() -> str:
        datasets.archive(actor=request.actor, name=name, number=number, why=form.cleaned_data["why"])
        return page_url(name, number)

    done = carry_out(request, form, act)
    return done or see_other(f"{page_url(name, number)}#archive")
