"""What is where in a street scene: weather, the road, and all things along it.

A thing is (distance in metres, painter, arguments): things are painted from far to
near by `painter(canvas, rng, *arguments)`.
"""

from __future__ import annotations

import math

import numpy as np

from salcomp.data.scenes import roadside as stands
from salcomp.data.scenes import signs, textures
from salcomp.data.scenes.backdrop import Road
from salcomp.data.scenes.vehicles import paint_vehicle
from salcomp.data.scenes.view import Light


def light(rng: np.random.Generator) -> Light:
    """The weather of a scene."""
    side = int(rng.choice([-1, 1]))
    weather = rng.choice(
        ["sun", "bright", "overcast", "fog", "dusk"], p=[0.25, 0.37, 0.2, 0.1, 0.08]
    )
    visibility, sun, lit = rng.uniform(150, 450), rng.uniform(0.55, 1), 0.03
    if weather == "sun":
        sky = rng.uniform((80, 130, 190), (140, 185, 245))
        haze = (232, 240, 250)
    elif weather == "bright":  # a sky beyond the sensor's range
        sky, haze = (250, 252, 255), (255, 255, 255)
    elif weather == "dusk":
        sky, haze = (110, 118, 150), rng.uniform((205, 160, 130), (250, 210, 180))
        sun, lit = 0.25, 0.4
    else:
        grey = rng.uniform(185, 245)
        sky, haze = (grey - 12, grey - 10, grey - 8), (grey, grey, grey)
        sun, lit = 0.0, 0.1
        visibility = rng.uniform(35, 90) if weather == "fog" else visibility
    return Light(tuple(sky), tuple(haze), visibility, sun, side, lit)


def road_profile(rng: np.random.Generator, setting: str) -> Road:
    """The road of a "city", "suburb", "avenue" or "motorway"."""
    lane = rng.uniform(2.9, 3.6)
    if setting == "motorway":
        left, right, lines = -2.5 * lane, 1.5 * lane, (-1.5 * lane, -lane / 2, lane / 2)
    elif setting == "city" and rng.random() < 0.4:
        left, right, lines = -2.5 * lane, 0.6 * lane, (-1.5 * lane, -lane / 2)
    else:
        left, right, lines = -1.5 * lane, 0.7 * lane, (-lane / 2,)
    grass = rng.uniform((60, 70, 30), (110, 125, 60))
    verge = grass if setting != "city" else np.array((118, 112, 104))
    grey = rng.uniform(62, 118)
    crossing = None
    if setting == "city" and rng.random() < 0.4:
        crossing = rng.uniform(8, 22)
    return Road(
        left=left,
        right=right,
        pavement=0 if setting == "motorway" else rng.uniform(1.5, 3.5),
        lines=lines,
        verge=tuple(verge),
        asphalt=tuple(grey * rng.uniform((0.96, 0.96, 0.94), (1.04, 1, 1.08))),
        crossing=crossing,
    )


def roadside(rng: np.random.Generator, setting: str, road: Road) -> list:
    """What stands along the road: (distance, painter, arguments)."""
    things = []
    pairs = [((38, 52, 22), (104, 128, 52)), ((44, 50, 30), (122, 122, 70))]
    autumn = [((92, 58, 20), (200, 150, 40)), ((80, 40, 22), (176, 96, 46))]
    if rng.random() < 0.4:
        pairs += autumn
    contrast = rng.uniform(0.4, 1.9)
    tables = [textures.ramp(rng, *pair, contrast) for pair in pairs]

    def tree(x, z, low, high, shapes=("crown",)):
        shape = str(rng.choice(shapes))
        table = tables[rng.integers(len(tables))]
        height = rng.uniform(low, high) * (0.5 if shape == "bush" and high > 5 else 1)
        things.append((z, stands.paint_tree, (x, z, height, shape, table)))

    for side in (-1, 1):
        edge = road.edge(side)
        if setting in ("city", "suburb"):
            city = setting == "city"
            z = rng.uniform(3, 9)
            setback = rng.uniform(0, 2) if city else rng.uniform(3, 8)
            while z < 90:
                length = rng.uniform(8, 22) if city else rng.uniform(8, 14)
                if rng.random() < (0.9 if city else 0.7):
                    height = rng.uniform(8, 20) if city else rng.uniform(3.5, 7)
                    pitched = not city or rng.random() < 0.25
                    x, end = road.beyond(side, setback), z + length
                    house = (x, z, end, height, side, pitched)
                    things.append((end, stands.paint_house, house))
                else:
                    tree(road.beyond(side, setback + 4), z + length / 2, 7, 12)
                z += length + (rng.choice([0, 0, 4]) if city else rng.uniform(3, 9))
        if setting == "suburb":
            for z in np.arange(6, 60, 3):
                if rng.random() < 0.75:
                    tree(road.beyond(side, 1.2), z, 1.3, 2.1, ("bush",))
        if setting in ("avenue", "motorway"):
            offset = rng.uniform(2, 5) if setting == "motorway" else rng.uniform(0.5, 2)
            for z in np.geomspace(rng.uniform(8, 12), 110, 9):
                x = road.beyond(side, offset + rng.uniform(0, 5))
                tree(x, z, 8, 14, ("crown", "crown", "bush", "conifer"))
                x = road.beyond(side, offset + rng.uniform(0, 3))
                tree(x, 1.1 * z, 1.5, 5, ("bush",))
        elif rng.random() < 0.6:
            pitch = rng.uniform(9, 16)
            for z in np.arange(rng.uniform(7, 14), 80, pitch):
                tree(road.beyond(side, -0.7), z, 5, 9)
        if rng.random() < 0.7:
            for z in np.arange(rng.uniform(9, 25), 100, 28):
                things.append((z, stands.paint_lamp, (edge + side * 0.5, z)))
    return things


def traffic(rng: np.random.Generator, setting: str, road: Road) -> list:
    """Vehicles, people and signs: (distance, painter, arguments)."""
    things = []
    z = rng.uniform(4.7, 7.5) if rng.random() < 0.5 else rng.uniform(10, 25)
    while z < 90:
        things.append((z, paint_vehicle, (rng.uniform(-0.5, 0.5), z, False)))
        z += rng.uniform(9, 40)
    for lane in road.lines:
        z = rng.uniform(7, 40)
        while z < 110:
            place = lane + math.copysign(1.65, lane) + rng.uniform(-0.3, 0.3)
            oncoming = lane < 0 and setting != "motorway"
            things.append((z, paint_vehicle, (place, z, oncoming)))
            z += rng.uniform(9, 60)
    for side in (-1, 1):
        if setting in ("city", "suburb") and rng.random() < 0.6:
            z = rng.uniform(6, 12)
            while z < 60:
                place = road.edge(side) + side * 0.2
                things.append((z, paint_vehicle, (place, z, side < 0)))
                z += rng.uniform(5.5, 14)
        if road.pavement:
            for _ in range(rng.integers(0, 6)):
                z = rng.uniform(6.5, 30)
                place = road.edge(side) + side * rng.uniform(0.5, road.pavement)
                things.append((z, stands.paint_person, (place, z)))
        for _ in range(rng.integers(0, 4)):
            z = rng.uniform(7, 35)
            place = road.edge(side) + side * rng.uniform(0.4, 0.9)
            things.append((z, signs.paint_sign, (place, z)))
        if setting == "city" and rng.random() < 0.5:
            z = road.crossing or rng.uniform(9, 25)
            place = road.edge(side) + side * 0.4
            things.append((z, signs.paint_traffic_light, (place, z)))
    if road.crossing and rng.random() < 0.6:
        z = road.crossing + rng.uniform(0.5, 2.5)
        things.append((z, stands.paint_person, (rng.uniform(road.left, road.right), z)))
    if setting == "motorway":
        z = rng.uniform(25, 60)
        things.append((z, signs.paint_gantry, (road.left - 1, road.right + 1, z)))
    return things
