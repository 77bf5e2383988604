"""The README pictures, taken during the tests."""

import asyncio
from io import BytesIO
from pathlib import Path
from typing import Final

from PIL import Image, ImageChops
from playwright.async_api import FloatRect, Locator, Page, expect

from tests.e2e.home_assistant import ROOT

from .chromium import TIMEOUT

FOLDER: Final = ROOT / "docs/images"

_BLOCK: Final = 8
_TOLERANCE: Final = 32
_LOAD: Final = "icons => Promise.allSettled(icons.map(icon => icon.decode()))"


class Gallery:
    """A folder of pictures, which are only replaced if they are out of date."""

    def __init__(self, folder: Path) -> None:
        """Initialize with the existing pictures."""
        self._folder = folder
        self.replaced: list[Path] = []

    async def take(self, name: str, subject: Locator, margin: int = 16) -> None:
        """Take pictures of everything a locator finds, in light and dark mode."""
        page = subject.page
        await page.mouse.move(0, 0)
        clip = await _area(subject, margin)
        for scheme in ("dark", "light"):  # light is the default
            await page.emulate_media(color_scheme=scheme)
            await expect(page.locator("meta[name=color-scheme]")).to_have_attribute(
                "content", scheme
            )
            self.keep(f"{name}-{scheme}.png", await _settled(page, clip))

    def keep(self, name: str, picture: Image.Image) -> None:
        """Save a picture unless the existing one shows the same."""
        path = self._folder / name
        if path.exists():
            with Image.open(path) as known:
                if _show_the_same(known, picture):
                    return
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.quantize(dither=Image.Dither.NONE).save(path, optimize=True)
        self.replaced.append(path)


def _show_the_same(one: Image.Image, other: Image.Image) -> bool:
    """Return whether two pictures show the same.

    Blocks of pixels are compared, not the edges of letters, because fonts are rendered
    slightly differently on every machine.
    """
    if one.size != other.size:
        return False
    difference = ImageChops.difference(
        one.convert("L").reduce(_BLOCK), other.convert("L").reduce(_BLOCK)
    )
    return max(difference.tobytes()) < _TOLERANCE


async def _area(subject: Locator, margin: int) -> FloatRect:
    """Return the area of everything a locator finds, plus a margin."""
    boxes = [box for one in await subject.all() if (box := await one.bounding_box())]
    left = min(box["x"] for box in boxes) - margin
    top = min(box["y"] for box in boxes) - margin
    right = max(box["x"] + box["width"] for box in boxes) + margin
    bottom = max(box["y"] + box["height"] for box in boxes) + margin
    return {"x": left, "y": top, "width": right - left, "height": bottom - top}


async def _settled(page: Page, clip: FloatRect) -> Image.Image:
    """Return a picture once two in a row, with all icons loaded, are equal."""
    before, now = None, b""
    async with asyncio.timeout(TIMEOUT / 1000):
        while now != before:
            await page.locator("img").evaluate_all(_LOAD)
            before, now = now, await page.screenshot(clip=clip, animations="disabled")
    return Image.open(BytesIO(now)).convert("RGB")
